package io.tandem.filter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class FilterParserTest {

  @Property(tries = 500)
  void everyFilterReadsBackFromItsText(@ForAll("filters") Filter filter) {
    assertThat(Filter.parse(filter.toString())).isEqualTo(filter);
  }

  @Provide
  Arbitrary<Filter> filters() {
    return Filters.any();
  }

  @Test
  void textSaysTheSameAsTheBuilder() {
    assertThat(
            Filter.parse("genres = 'Drama' and year >= 1990 and not title in ('A', 'B''s', 'C')"))
        .isEqualTo(
            Filter.equal("genres", "Drama")
                .and(Filter.range("year").atLeast(1990))
                .and(Filter.not(Filter.in("title", List.of("A", "B's", "C")))));
    assertThat(Filter.parse("a = 1 or b = 2 and c = 3"))
        .isEqualTo(Filter.equal("a", 1).or(Filter.equal("b", 2).and(Filter.equal("c", 3))));
    assertThat(Filter.parse("(a = 1 or b = 2) and c = 3"))
        .isEqualTo(Filter.equal("a", 1).or(Filter.equal("b", 2)).and(Filter.equal("c", 3)));
    assertThat(Filter.parse("NOT \"release year\" IS NOT MISSING"))
        .isEqualTo(Filter.not(Filter.not(Filter.missing("release year"))));
    assertThat(Filter.parse("x between -1.5 and 2e3"))
        .isEqualTo(Filter.range("x").between(-1.5, 2000));
    assertThat(Filter.parse("x not in ()")).isEqualTo(Filter.not(Filter.in("x", List.of())));
  }

  @Test
  void aRangeMayStandBetweenItsBounds() {
    Filter range = Filter.range("year").atLeast(1990).below(2000);
    assertThat(Filter.parse("1990 <= year < 2000")).isEqualTo(range);
    assertThat(Filter.parse("2000 > year >= 1990")).isEqualTo(range);
    assertThat(Filter.parse("1990 <= year")).isEqualTo(Filter.parse("year >= 1990"));
    assertThat(Filter.parse("'Drama' != genres")).isEqualTo(Filter.parse("genres <> 'Drama'"));
  }

  @Test
  void aMistakeIsShownWithItsPlaceAndWhatWasExpected() {
    mistake("genres = and year", 10, "a number, or a text in single quotes", "and");
    mistake("genres = 'Drama", 16, "a ' that ends what begins at 10", "the end");
    mistake("= 'Drama'", 1, "a column", "=");
    mistake("", 1, "a column", "the end");
    mistake("a = 1 b = 2", 7, "'and', 'or' or the end", "b");
    mistake("(a = 1", 7, "'and', 'or' or ')'", "the end");
    mistake("a in 1", 6, "'(' and values", "1");
    mistake("a in (1 2)", 9, "',' or ')'", "2");
    mistake("a between 1 or 2", 13, "'and' and the upper bound", "or");
    mistake("a is null", 6, "'missing' or 'not missing'", "null");
    mistake("a ~ 1", 3, "a column, a value or a sign", "'~'");
    mistake("a = 12x", 7, "an end of the number 12", "'x'");
    mistake("a = 1e999", 5, "a number that fits 64 bits", "1e999");
    mistake("1 <= a > 2", 8, "the same direction twice, as in 1 <= x < 2", ">");
    mistake("1 = a = 2", 7, "the same direction twice, as in 1 <= x < 2", "=");
    mistake(
        "a",
        2,
        "a comparison: =, !=, <, <=, >, >=, 'in', 'not in', 'between' or 'is missing'",
        "the end");
    assertThatThrownBy(() -> Filter.parse("genres = and"))
        .hasMessageEndingWith("\n  genres = and\n           ^");
  }

  @Test
  void conditionsWithoutEndAreRefusedBeforeTheStackIsFull() {
    assertThatThrownBy(() -> Filter.parse("not ".repeat(100_000) + "a = 1"))
        .isInstanceOf(FilterException.class)
        .hasMessageContaining("expected at most 200 conditions within each other");
    assertThatThrownBy(() -> Filter.parse("(".repeat(100_000))).isInstanceOf(FilterException.class);
  }

  @Test
  void aNumberThatIsNoneIsRefused() {
    assertThatThrownBy(() -> Filter.range("year").atLeast(Double.NaN))
        .isInstanceOf(FilterException.class)
        .hasMessage("expected a finite number in a filter, found NaN");
    assertThatThrownBy(() -> Filter.equal("", 1))
        .hasMessage("expected the name of a column, found an empty one");
  }

  private static void mistake(String text, int character, String expected, String found) {
    assertThatThrownBy(() -> Filter.parse(text))
        .isInstanceOf(FilterException.class)
        .hasMessageStartingWith(
            "filter, character %d: expected %s, found %s\n".formatted(character, expected, found));
  }
}
