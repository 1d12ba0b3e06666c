package io.tandem.filter;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A condition on the attributes of items.
 *
 * <pre>{@code
 * Filter.equal("genres", "Drama").and(Filter.range("year").atLeast(1990).below(2000))
 * Filter.parse("genres = 'Drama' and 1990 <= year < 2000 and not title in ('A', 'B')")
 * }</pre>
 *
 * <p>An item with several values in a column satisfies a comparison if one of them does. An item
 * without a value satisfies none, and therefore satisfies the negation of any.
 *
 * <p>A filter names columns without knowing them: which there are, and what can be asked of them,
 * is checked where it is used. {@link Object#toString} gives text that {@link #parse} reads back to
 * an equal filter. Immutable; worth keeping and asking again, for its rows are remembered.
 */
public sealed interface Filter {

  /** A column holds a text. */
  static Filter equal(String column, String value) {
    return new In(column, List.of(new Value.Text(value)));
  }

  /** A column holds a number. */
  static Filter equal(String column, double value) {
    return new In(column, List.of(new Value.Numeric(value)));
  }

  /** A column holds one of some texts; none where there are none. */
  static Filter in(String column, Collection<String> values) {
    List<Value> texts = new ArrayList<>();
    for (String value : values) {
      texts.add(new Value.Text(value));
    }
    return new In(column, texts);
  }

  /** A column of numbers or times lies between bounds, the first of which is given next. */
  static Bounds range(String column) {
    return new Bounds(column);
  }

  /** A column has no value. */
  static Filter missing(String column) {
    return new Missing(column);
  }

  /** The opposite. */
  static Filter not(Filter filter) {
    return new Not(filter);
  }

  /**
   * Reads a filter from text.
   *
   * <pre>
   * genres = 'Drama'   genres != 'Drama'   title in ('A', 'B')   title not in ('A', 'B')
   * year >= 1990       1990 &lt;= year &lt; 2000  year between 1990 and 1999
   * year is missing    year is not missing
   * a and b            a or b              not a                 (a or b) and c
   * </pre>
   *
   * <p>{@code not} binds tighter than {@code and}, and that tighter than {@code or}; capitals do
   * not matter in these words. Texts stand in single quotes, a quote within is doubled; columns
   * whose names are not plain words stand in double quotes. A time is a text of ISO 8601, such as
   * {@code '2024-05-01'} or {@code '2024-05-01T12:00:00Z'}, or a number of seconds since 1970.
   *
   * @throws FilterException if it is none; the message shows where, what was expected and what was
   *     found
   */
  static Filter parse(String text) {
    return new FilterParser(text).parse();
  }

  /** Both this and another condition. */
  default Filter and(Filter other) {
    return new And(List.of(this, other));
  }

  /** This or another condition, or both. */
  default Filter or(Filter other) {
    return new Or(List.of(this, other));
  }

  /** What a column is compared with. */
  sealed interface Value {
    /** Text; where a column holds numbers or times it must read as one. */
    record Text(String text) implements Value {
      public Text {
        Objects.requireNonNull(text);
      }
    }

    /** A finite number; where a column holds texts it is compared as text. */
    record Numeric(double number) implements Value {
      public Numeric {
        if (!Double.isFinite(number)) {
          throw new FilterException("expected a finite number in a filter, found " + number);
        }
        number += 0.0; // -0 is 0
      }
    }
  }

  /** One of some values. */
  record In(String column, List<Value> values) implements Filter {
    public In {
      FilterText.requireColumn(column);
      values = List.copyOf(values);
    }

    @Override
    public String toString() {
      return FilterText.of(this);
    }
  }

  /**
   * Between bounds, of which at least one is given.
   *
   * @param low null for none
   * @param high null for none
   */
  record Range(String column, @Nullable Bound low, @Nullable Bound high) implements Filter {
    public Range {
      FilterText.requireColumn(column);
      if (low == null && high == null) {
        throw new FilterException("expected a bound for the range of " + column + ", found none");
      }
    }

    /** Also at least a number; replaces a lower bound that was given before. */
    public Range atLeast(double value) {
      return new Range(column, Bound.inclusive(value), high);
    }

    /** Also more than a number; replaces a lower bound that was given before. */
    public Range above(double value) {
      return new Range(column, Bound.exclusive(value), high);
    }

    /** Also at most a number; replaces an upper bound that was given before. */
    public Range atMost(double value) {
      return new Range(column, low, Bound.inclusive(value));
    }

    /** Also less than a number; replaces an upper bound that was given before. */
    public Range below(double value) {
      return new Range(column, low, Bound.exclusive(value));
    }

    @Override
    public String toString() {
      return FilterText.of(this);
    }
  }

  /** An end of a range. */
  record Bound(Value value, Edge edge) {
    static Bound inclusive(double value) {
      return new Bound(new Value.Numeric(value), Edge.INCLUDED);
    }

    static Bound exclusive(double value) {
      return new Bound(new Value.Numeric(value), Edge.EXCLUDED);
    }

    /** Whether a bound's own value lies inside. */
    public enum Edge {
      INCLUDED,
      EXCLUDED
    }
  }

  /** A column whose range is being given. */
  record Bounds(String column) {
    /** At least a number. */
    public Range atLeast(double value) {
      return new Range(column, Bound.inclusive(value), null);
    }

    /** More than a number. */
    public Range above(double value) {
      return new Range(column, Bound.exclusive(value), null);
    }

    /** At most a number. */
    public Range atMost(double value) {
      return new Range(column, null, Bound.inclusive(value));
    }

    /** Less than a number. */
    public Range below(double value) {
      return new Range(column, null, Bound.exclusive(value));
    }

    /** At least one and at most another number. */
    public Range between(double low, double high) {
      return new Range(column, Bound.inclusive(low), Bound.inclusive(high));
    }
  }

  /** No value. */
  record Missing(String column) implements Filter {
    public Missing {
      FilterText.requireColumn(column);
    }

    @Override
    public String toString() {
      return FilterText.of(this);
    }
  }

  /** All of at least two conditions, none of which is a conjunction itself. */
  record And(List<Filter> all) implements Filter {
    public And {
      List<Filter> flat = new ArrayList<>();
      for (Filter filter : all) {
        flat.addAll(filter instanceof And and ? and.all : List.of(filter));
      }
      all = FilterText.atLeastTwo(flat);
    }

    @Override
    public String toString() {
      return FilterText.of(this);
    }
  }

  /** Any of at least two conditions, none of which is a disjunction itself. */
  record Or(List<Filter> any) implements Filter {
    public Or {
      List<Filter> flat = new ArrayList<>();
      for (Filter filter : any) {
        flat.addAll(filter instanceof Or or ? or.any : List.of(filter));
      }
      any = FilterText.atLeastTwo(flat);
    }

    @Override
    public String toString() {
      return FilterText.of(this);
    }
  }

  /** The opposite of a condition. */
  record Not(Filter filter) implements Filter {
    public Not {
      Objects.requireNonNull(filter);
    }

    @Override
    public String toString() {
      return FilterText.of(this);
    }
  }
}
