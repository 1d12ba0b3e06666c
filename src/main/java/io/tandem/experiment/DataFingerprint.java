package io.tandem.experiment;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import io.tandem.data.Attributes;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.data.Rows;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Tells data sets apart by what is in them: keys, attributes, and interactions as they are split.
 */
final class DataFingerprint {
  private DataFingerprint() {}

  /** 32 hexadecimal digits. */
  static String of(Dataset dataset) {
    Hasher hasher = Hashing.murmur3_128().newHasher();
    put(dataset.queries(), hasher);
    put(dataset.items(), hasher);
    put(dataset.split().train(), hasher);
    put(dataset.split().validation(), hasher);
    put(dataset.split().test(), hasher);
    return hasher.hash().toString();
  }

  private static void put(Interactions interactions, Hasher hasher) {
    for (int query = 0; query < interactions.queries(); query++) {
      hasher.putInt(interactions.end(query));
    }
    for (int position = 0; position < interactions.size(); position++) {
      hasher.putInt(interactions.item(position)).putLong(interactions.time(position));
    }
  }

  private static void put(Attributes attributes, Hasher hasher) {
    attributes.forEachChunk(
        rows -> {
          for (String key : rows.keys()) {
            put(key, hasher);
          }
          new TreeMap<>(rows.columns())
              .forEach(
                  (name, column) -> {
                    put(name, hasher);
                    put(column, hasher);
                  });
        });
  }

  private static void put(Rows.Column column, Hasher hasher) {
    if (column instanceof Rows.Column.Numbers numbers) {
      Arrays.stream(numbers.values()).forEach(hasher::putDouble);
    } else if (column instanceof Rows.Column.Times times) {
      Arrays.stream(times.values()).forEach(hasher::putLong);
    } else if (column instanceof Rows.Column.Text text) {
      for (String value : text.values()) {
        put(Objects.requireNonNullElse(value, "\0"), hasher);
      }
    } else if (column instanceof Rows.Column.TextList lists) {
      for (String[] list : lists.values()) {
        put(list == null ? "\0" : Arrays.toString(list), hasher);
      }
    }
  }

  private static void put(String text, Hasher hasher) {
    hasher.putInt(text.length()).putString(text, StandardCharsets.UTF_8);
  }
}
