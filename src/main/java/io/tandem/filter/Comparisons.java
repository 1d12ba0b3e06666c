package io.tandem.filter;

import io.tandem.feature.Values;
import io.tandem.filter.ColumnInfo.Kind;
import io.tandem.filter.Filter.Value;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.function.Function;

/** What a filter's values mean to a column: a text for categories, a number for all else. */
final class Comparisons {
  private static final List<Function<String, Instant>> TIMES =
      List.of(
          Instant::parse,
          text -> LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant(),
          text -> LocalDateTime.parse(text).toInstant(ZoneOffset.UTC));

  private Comparisons() {}

  static String text(Value value) {
    if (value instanceof Value.Text text) {
      return text.text().strip();
    }
    return String.valueOf(Values.text(((Value.Numeric) value).number()));
  }

  /**
   * @throws FilterException if the value is a text that does not read as what the column holds
   */
  static double number(ColumnInfo column, Value value) {
    if (value instanceof Value.Numeric number) {
      return number.number();
    }
    String text = ((Value.Text) value).text();
    double number = Values.number(text);
    if (Double.isNaN(number) && column.kind() == Kind.TIMES) {
      number = time(text.strip());
    }
    if (Double.isNaN(number)) {
      throw new FilterException(
          "filter: expected %s to compare column '%s' with, found '%s'"
              .formatted(
                  column.kind() == Kind.TIMES
                      ? "a time such as '2024-05-01' or '2024-05-01T12:00:00Z'"
                      : "a number",
                  column.name(),
                  text));
    }
    return number + 0.0;
  }

  /** Seconds since 1970, in UTC where no zone is given; NaN where the text is no time. */
  private static double time(String text) {
    for (Function<String, Instant> reading : TIMES) {
      double seconds = seconds(reading, text);
      if (!Double.isNaN(seconds)) {
        return seconds;
      }
    }
    return Double.NaN;
  }

  private static double seconds(Function<String, Instant> reading, String text) {
    try {
      return reading.apply(text).getEpochSecond();
    } catch (DateTimeException notThis) {
      return Double.NaN;
    }
  }

  static ColumnInfo requireOrdered(ColumnInfo column) {
    if (column.kind() == Kind.CATEGORIES) {
      throw new FilterException(
          "filter: expected =, 'in' or 'is missing' for column '%s', which holds texts, found a range"
              .formatted(column.name()));
    }
    return column;
  }
}
