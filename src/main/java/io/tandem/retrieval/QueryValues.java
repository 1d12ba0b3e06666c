package io.tandem.retrieval;

import io.tandem.artifact.History;
import io.tandem.data.KeyTable;
import io.tandem.feature.FeatureValues;
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
    return Raw.text(query.value(column));
  }

  @Override
  public double number(String column) {
    return Raw.number(query.value(column));
  }

  @Override
  public long time(String column) {
    return Raw.time(query.value(column));
  }

  @Override
  public @Nullable List<String> list(String name) {
    List<String> given = Raw.list(query.value(name));
    if (given != null) {
      return given;
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
}
