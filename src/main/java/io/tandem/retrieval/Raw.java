package io.tandem.retrieval;

import io.tandem.feature.Values;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A raw value that a caller gave: String, Double, Instant, List of String, or null for none. */
final class Raw {
  private Raw() {}

  /** As text; null for none and for lists. */
  static @Nullable String text(@Nullable Object value) {
    if (value instanceof String text) {
      return text;
    }
    if (value instanceof Double number) {
      return Values.text(number);
    }
    return value instanceof Instant time ? Long.toString(time.getEpochSecond()) : null;
  }

  /** As a number, or NaN. */
  static double number(@Nullable Object value) {
    if (value instanceof Double number) {
      return number;
    }
    if (value instanceof Instant time) {
      return time.getEpochSecond();
    }
    return value instanceof String text ? Values.number(text) : Double.NaN;
  }

  /** As seconds since 1970, or Long.MIN_VALUE. */
  static long time(@Nullable Object value) {
    if (value instanceof String text && Double.isNaN(Values.number(text))) {
      return parsed(text);
    }
    return Values.time(number(value));
  }

  /** As a list, or null where it is none. */
  static @Nullable List<String> list(@Nullable Object value) {
    return value instanceof List<?> list ? strings(list) : null;
  }

  /** Builders put lists of text only. */
  @SuppressWarnings("unchecked")
  static List<String> strings(List<?> list) {
    return (List<String>) list;
  }

  private static long parsed(String text) {
    try {
      return Instant.parse(text.strip()).getEpochSecond();
    } catch (DateTimeException notOne) {
      return Long.MIN_VALUE;
    }
  }
}
