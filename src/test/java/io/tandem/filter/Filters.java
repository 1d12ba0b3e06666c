package io.tandem.filter;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/** Random filters: of any shape, or over the columns of {@link Items}. */
final class Filters {
  private Filters() {}

  /** Over any columns and values. */
  static Arbitrary<Filter> any() {
    Arbitrary<String> columns =
        Arbitraries.oneOf(
            Arbitraries.strings().ofMinLength(1).ofMaxLength(6),
            Arbitraries.of("genres", "not", "In", "release year", "a\"b", "x.y", "élan"));
    Arbitrary<Filter.Value> values =
        Arbitraries.oneOf(
            Arbitraries.strings().ofMaxLength(5).map(Filter.Value.Text::new),
            Arbitraries.of("", "'", "a'b", "and", "1", "\n").map(Filter.Value.Text::new),
            Arbitraries.doubles().map(Filter.Value.Numeric::new),
            Arbitraries.integers().map(Filter.Value.Numeric::new));
    Arbitrary<Filter> leaves =
        columns.flatMap(
            column ->
                Arbitraries.oneOf(
                    values.list().ofMaxSize(3).map(list -> new Filter.In(column, list)),
                    range(column, values),
                    Arbitraries.just(new Filter.Missing(column))));
    return tree(leaves);
  }

  /** Over columns that exist, compared as they allow. */
  static Arbitrary<Filter> overItems() {
    Arbitrary<Filter.Value> texts =
        Arbitraries.of("a", "b", "c", "ab", "nothing", "7", " a ").map(Filter.Value.Text::new);
    Arbitrary<Filter.Value> numbers =
        Arbitraries.oneOf(
            Arbitraries.integers().between(-3, 12).map(Filter.Value.Numeric::new),
            Arbitraries.of(0.5, -0.0, 7.25, 1e300).map(Filter.Value.Numeric::new),
            Arbitraries.of("7", "3.0", "-1").map(Filter.Value.Text::new));
    Arbitrary<Filter.Value> times =
        Arbitraries.of("1970-01-02", "1970-01-01T00:00:05Z", "1970-01-03T00:00:00", "86400")
            .map(Filter.Value.Text::new);
    Arbitrary<Filter> leaves =
        Arbitraries.oneOf(
            Arbitraries.of(Items.TEXT, Items.BAG, Items.LIST)
                .flatMap(
                    column ->
                        Arbitraries.oneOf(
                            Arbitraries.oneOf(texts, numbers)
                                .list()
                                .ofMaxSize(3)
                                .map(list -> new Filter.In(column, list)),
                            Arbitraries.just(new Filter.Missing(column)))),
            Arbitraries.of(Items.NUMBER, Items.TEXT_NUMBER)
                .flatMap(column -> ordered(column, numbers)),
            ordered(Items.TIME, Arbitraries.oneOf(times, numbers)));
    return tree(leaves);
  }

  private static Arbitrary<Filter> ordered(String column, Arbitrary<Filter.Value> values) {
    return Arbitraries.oneOf(
        values.list().ofMaxSize(3).map(list -> new Filter.In(column, list)),
        range(column, values),
        Arbitraries.just(new Filter.Missing(column)));
  }

  private static Arbitrary<Filter.Range> range(String column, Arbitrary<Filter.Value> values) {
    Arbitrary<Filter.Bound> bounds =
        Combinators.combine(values, Arbitraries.of(Filter.Bound.Edge.class)).as(Filter.Bound::new);
    return Arbitraries.oneOf(
        bounds.map(low -> new Filter.Range(column, low, null)),
        bounds.map(high -> new Filter.Range(column, null, high)),
        Combinators.combine(bounds, bounds).as((low, high) -> new Filter.Range(column, low, high)));
  }

  private static Arbitrary<Filter> tree(Arbitrary<Filter> leaves) {
    return Arbitraries.recursive(
        () -> leaves,
        inner ->
            Arbitraries.oneOf(
                inner.map(Filter::not),
                inner.list().ofMinSize(2).ofMaxSize(3).map(Filter.And::new),
                inner.list().ofMinSize(2).ofMaxSize(3).map(Filter.Or::new)),
        0,
        4);
  }

  /** Nothing but the definition: what {@link Filter} says of one item. */
  static boolean slow(Filter filter, Items.Item item) {
    if (filter instanceof Filter.In in) {
      for (Filter.Value value : in.values()) {
        if (Items.isOrdered(in.column())) {
          if (item.numbers().containsKey(in.column())
              && item.numbers().get(in.column()) == number(value)) {
            return true;
          }
        } else if (item.texts().getOrDefault(in.column(), List.of()).contains(text(value))) {
          return true;
        }
      }
      return false;
    }
    if (filter instanceof Filter.Range range) {
      Double number = item.numbers().get(range.column());
      Filter.Bound low = range.low();
      Filter.Bound high = range.high();
      return number != null
          && (low == null || compare(number, low) > 0 || (isIn(low) && compare(number, low) == 0))
          && (high == null
              || compare(number, high) < 0
              || (isIn(high) && compare(number, high) == 0));
    }
    if (filter instanceof Filter.Missing missing) {
      return Items.isOrdered(missing.column())
          ? !item.numbers().containsKey(missing.column())
          : item.texts().getOrDefault(missing.column(), List.of()).isEmpty();
    }
    if (filter instanceof Filter.And and) {
      return and.all().stream().allMatch(part -> slow(part, item));
    }
    if (filter instanceof Filter.Or or) {
      return or.any().stream().anyMatch(part -> slow(part, item));
    }
    return !slow(((Filter.Not) filter).filter(), item);
  }

  private static boolean isIn(Filter.Bound bound) {
    return bound.edge() == Filter.Bound.Edge.INCLUDED;
  }

  private static int compare(double number, Filter.Bound bound) {
    return Double.compare(number + 0.0, number(bound.value()));
  }

  private static double number(Filter.Value value) {
    if (value instanceof Filter.Value.Numeric numeric) {
      return numeric.number();
    }
    return switch (((Filter.Value.Text) value).text()) {
      case "1970-01-02", "86400" -> 86_400;
      case "1970-01-01T00:00:05Z" -> 5;
      case "1970-01-03T00:00:00" -> 172_800;
      case "7" -> 7;
      case "3.0" -> 3;
      case "-1" -> -1;
      default -> throw new IllegalStateException(value.toString());
    };
  }

  private static String text(Filter.Value value) {
    if (value instanceof Filter.Value.Text text) {
      return text.text().strip();
    }
    double number = ((Filter.Value.Numeric) value).number();
    return number == Math.rint(number) && Math.abs(number) < 1e15
        ? Long.toString((long) number)
        : Double.toString(number);
  }
}
