package io.tandem.feature;

import com.google.common.hash.Hashing;
import io.tandem.data.KeyTable;
import it.unimi.dsi.fastutil.objects.Object2LongMap;
import it.unimi.dsi.fastutil.objects.Object2LongOpenHashMap;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Values and their rows in an embedding table: first {@code oovBuckets} rows for values out of the
 * vocabulary, chosen by hash, then one row per value, the most frequent first.
 */
record Vocabulary(KeyTable values, int oovBuckets) {

  /** Rows of the embedding table. */
  int rows() {
    return oovBuckets + values.size();
  }

  /** Whether a value has a row of its own. */
  boolean knows(@Nullable String value) {
    return value != null && values.indexOf(value) >= 0;
  }

  /** Row of a value; any string has one, and so has its absence. */
  int row(@Nullable String value) {
    if (value == null) {
      return 0;
    }
    int index = values.indexOf(value);
    return index >= 0 ? oovBuckets + index : outOfVocabulary(value);
  }

  /** Row of a value's own, or -1. */
  int knownRow(@Nullable String value) {
    int index = value == null ? -1 : values.indexOf(value);
    return index >= 0 ? oovBuckets + index : -1;
  }

  private int outOfVocabulary(String value) {
    if (oovBuckets == 1) {
      return 0;
    }
    int hash = Hashing.murmur3_32_fixed().hashString(value, StandardCharsets.UTF_8).asInt();
    return Integer.remainderUnsigned(hash, oovBuckets);
  }

  /** Counts values while fitting. */
  static final class Counter {
    private final Object2LongOpenHashMap<String> counts = new Object2LongOpenHashMap<>();

    void add(String value, long times) {
      counts.addTo(value, times);
    }

    /** The values that occurred at least {@code minCount} times, by falling count, then by text. */
    Vocabulary build(int minCount, int oovBuckets) {
      List<Object2LongMap.Entry<String>> kept = new ArrayList<>();
      for (Object2LongMap.Entry<String> entry : counts.object2LongEntrySet()) {
        if (entry.getLongValue() >= minCount) {
          kept.add(entry);
        }
      }
      kept.sort(
          Comparator.<Object2LongMap.Entry<String>>comparingLong(entry -> -entry.getLongValue())
              .thenComparing(Object2LongMap.Entry::getKey));
      KeyTable.Builder builder = new KeyTable.Builder();
      kept.forEach(entry -> builder.add(entry.getKey()));
      return new Vocabulary(builder.build(), oovBuckets);
    }
  }
}
