package io.tandem.retrieval;

import io.tandem.feature.FeatureValues;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An added item as its encoders and filters read it.
 *
 * @param keyColumns columns that hold the item's key, whatever the item itself says
 */
record ItemValues(String key, Set<String> keyColumns, Item item) implements FeatureValues {

  @Override
  public @Nullable String text(String column) {
    return keyColumns.contains(column) ? key : Raw.text(item.value(column));
  }

  /** As attributes of items are shown. */
  String shown(String column) {
    Object value = item.value(column);
    if (value instanceof List<?> list) {
      return String.join("|", Raw.strings(list));
    }
    String text = value instanceof Instant ? value.toString() : Raw.text(value);
    return text == null ? "" : text;
  }

  @Override
  public double number(String column) {
    return keyColumns.contains(column) ? Raw.number(key) : Raw.number(item.value(column));
  }

  @Override
  public long time(String column) {
    return Raw.time(item.value(column));
  }

  @Override
  public @Nullable List<String> list(String name) {
    return Raw.list(item.value(name));
  }
}
