package io.tandem.filter;

import io.tandem.feature.Values;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** Filters as text that parses back to equal ones. */
final class FilterText {
  /** Words of the grammar, in lower case: a column of such a name needs quotes. */
  static final Set<String> WORDS = Set.of("and", "or", "not", "in", "is", "missing", "between");

  private FilterText() {}

  static String of(Filter filter) {
    if (filter instanceof Filter.In in) {
      return in.values().size() == 1
          ? column(in.column()) + " = " + value(in.values().get(0))
          : in.values().stream()
              .map(FilterText::value)
              .collect(Collectors.joining(", ", column(in.column()) + " in (", ")"));
    }
    if (filter instanceof Filter.Range range) {
      return range(range);
    }
    if (filter instanceof Filter.Missing missing) {
      return column(missing.column()) + " is missing";
    }
    if (filter instanceof Filter.And and) {
      return and.all().stream()
          .map(part -> part instanceof Filter.Or ? "(" + part + ")" : part.toString())
          .collect(Collectors.joining(" and "));
    }
    if (filter instanceof Filter.Or or) {
      return or.any().stream().map(Filter::toString).collect(Collectors.joining(" or "));
    }
    if (filter instanceof Filter.Not not) {
      boolean several = not.filter() instanceof Filter.And || not.filter() instanceof Filter.Or;
      return several ? "not (" + not.filter() + ")" : "not " + not.filter();
    }
    throw new IllegalStateException("no text for " + filter.getClass());
  }

  private static String range(Filter.Range range) {
    Filter.Bound low = range.low();
    Filter.Bound high = range.high();
    String column = column(range.column());
    if (low == null && high != null) {
      return column + below(high) + value(high.value());
    }
    if (low != null && high == null) {
      return column + (included(low) ? " >= " : " > ") + value(low.value());
    }
    if (low != null && high != null) {
      return value(low.value()) + below(low) + column + below(high) + value(high.value());
    }
    throw new IllegalStateException("a range without bounds");
  }

  private static String below(Filter.Bound bound) {
    return included(bound) ? " <= " : " < ";
  }

  static boolean included(Filter.Bound bound) {
    return bound.edge() == Filter.Bound.Edge.INCLUDED;
  }

  static String value(Filter.Value value) {
    if (value instanceof Filter.Value.Text text) {
      return "'" + text.text().replace("'", "''") + "'";
    }
    return String.valueOf(Values.text(((Filter.Value.Numeric) value).number()));
  }

  static String column(String name) {
    boolean plain =
        isStart(name.charAt(0))
            && name.chars().allMatch(FilterText::isPart)
            && !WORDS.contains(name.toLowerCase(Locale.ROOT));
    return plain ? name : "\"" + name.replace("\"", "\"\"") + "\"";
  }

  static boolean isStart(int c) {
    return c == '_' || Character.isLetter(c);
  }

  static boolean isPart(int c) {
    return isStart(c) || c == '.' || Character.isDigit(c);
  }

  static void requireColumn(String name) {
    if (name.isEmpty()) {
      throw new FilterException("expected the name of a column, found an empty one");
    }
  }

  static List<Filter> atLeastTwo(List<Filter> filters) {
    if (filters.size() < 2) {
      throw new FilterException("expected at least two conditions, found " + filters.size());
    }
    return List.copyOf(filters);
  }
}
