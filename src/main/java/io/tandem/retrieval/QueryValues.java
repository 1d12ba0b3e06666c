package io.tandem.retrieval;

import io.tandem.artifact.History;
import io.tandem.data.KeyTable;
import io.tandem.feature.FeatureValues;
import io.tandem.feature.Values;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A query as its encoders read it: its own values, and for a known query the stored history where a
 * sequence is not given.
 *
 * @param known number of the query in the history, or -1
 * @param sequences greatest length by name of the sequence features
 */
record QueryValues(
    Query query, int known, History history, KeyTable items, Map<String, Integer> sequences)
    implements FeatureValues {

  @Override
  public @Nullable String text(String column) {
    return text(query.value(column));
  }

  /** A value as text, or null for none and for lists. */
  static @Nullable String text(@Nullable Object value) {
    if (value instanceof String text) {
      return text;
    }
    if (value instanceof Double number) {
      return Values.text(number);
    }
    return value instanceof Instant time ? Long.toString(time.getEpochSecond()) : null;
  }

  @Override
  public double number(String column) {
    Object value = query.value(column);
    if (value instanceof Double number) {
      return number;
    }
    if (value instanceof Instant time) {
      return time.getEpochSecond();
    }
    return value instanceof String text ? Values.number(text) : Double.NaN;
  }

  @Override
  public long time(String column) {
    Object value = query.value(column);
    if (value instanceof Instant time) {
      return time.getEpochSecond();
    }
    if (value instanceof String text && Double.isNaN(Values.number(text))) {
      return parsed(text);
    }
    return Values.time(number(column));
  }

  @Override
  public @Nullable List<String> list(String name) {
    Object value = query.value(name);
    if (value instanceof List<?> list) {
      return strings(list);
    }
    Integer length = sequences.get(name);
    return length == null || known < 0 ? null : storedHistory(length);
  }

  private List<String> storedHistory(int length) {
    int count = history.count(known);
    List<String> keys = new ArrayList<>(Math.min(count, length));
    for (int place = Math.max(0, count - length); place < count; place++) {
      keys.add(items.key(history.row(known, place)));
    }
    return keys;
  }

  /** A builder puts lists of text only. */
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
