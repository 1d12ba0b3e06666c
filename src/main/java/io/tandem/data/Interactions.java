package io.tandem.data;

import java.util.Arrays;

/**
 * Interactions of all queries, by query and within a query oldest first (rows of equal time keep
 * their order in the source). Immutable; safe for any number of threads.
 *
 * <p>Queries and items are numbers: positions in {@link Dataset#queryKeys()} and {@link
 * Dataset#itemKeys()}. Twenty bytes an interaction at most.
 */
public final class Interactions {
  private final int[] offsets;
  private final int[] items;
  private final long[] times;
  private final float[] weights;

  /**
   * @param offsets [queries + 1]: query q owns positions offsets[q] until offsets[q + 1]
   * @param items [size]
   * @param times [size] seconds since 1970, or empty where the source has no time
   * @param weights [size], or empty where all are 1
   */
  public Interactions(int[] offsets, int[] items, long[] times, float[] weights) {
    if (offsets.length == 0 || offsets[offsets.length - 1] != items.length) {
      throw new IllegalArgumentException("offsets must end at items.length (" + items.length + ")");
    }
    this.offsets = offsets;
    this.items = items;
    this.times = times;
    this.weights = weights;
  }

  /** Number of interactions. */
  public int size() {
    return items.length;
  }

  /** Number of queries, those without interactions included. */
  public int queries() {
    return offsets.length - 1;
  }

  /** Position of the query's first interaction. */
  public int start(int query) {
    return offsets[query];
  }

  /** One past the position of the query's last interaction. */
  public int end(int query) {
    return offsets[query + 1];
  }

  /** Number of the query's interactions. */
  public int count(int query) {
    return offsets[query + 1] - offsets[query];
  }

  /** Query that owns a position. */
  public int query(int position) {
    int found = Arrays.binarySearch(offsets, position);
    if (found < 0) {
      return -found - 2;
    }
    while (offsets[found + 1] == position) {
      found++;
    }
    return found;
  }

  /** Item at a position. */
  public int item(int position) {
    return items[position];
  }

  /** Whether events have times. */
  public boolean hasTimes() {
    return times.length > 0;
  }

  /** Seconds since 1970; 0 where the source has no time. */
  public long time(int position) {
    return times.length == 0 ? 0 : times[position];
  }

  /** Whether events have weights. */
  public boolean hasWeights() {
    return weights.length > 0;
  }

  /** Weight of an interaction, 1 where the source has none. */
  public float weight(int position) {
    return weights.length == 0 ? 1 : weights[position];
  }

  /** Copies the items of positions from (inclusive) to (exclusive) into a buffer. */
  public void copyItems(int from, int to, int[] target, int at) {
    System.arraycopy(items, from, target, at, to - from);
  }

  /** Times each item occurs: [itemCount]. */
  public long[] itemCounts(int itemCount) {
    long[] counts = new long[itemCount];
    for (int item : items) {
      counts[item]++;
    }
    return counts;
  }

  /** Both together, within a query by time; of equal times, or without times, the first's first. */
  public static Interactions merged(Interactions first, Interactions second) {
    int[] offsets = new int[Math.max(first.offsets.length, second.offsets.length)];
    int size = first.size() + second.size();
    int[] items = new int[size];
    long[] times = new long[first.hasTimes() || second.hasTimes() ? size : 0];
    float[] weights = new float[first.hasWeights() || second.hasWeights() ? size : 0];
    int at = 0;
    for (int query = 0; query + 1 < offsets.length; query++) {
      int a = query < first.queries() ? first.start(query) : first.size();
      int aEnd = query < first.queries() ? first.end(query) : first.size();
      int b = query < second.queries() ? second.start(query) : second.size();
      int bEnd = query < second.queries() ? second.end(query) : second.size();
      while (a < aEnd || b < bEnd) {
        boolean fromFirst = b == bEnd || (a < aEnd && first.time(a) <= second.time(b));
        Interactions source = fromFirst ? first : second;
        int position = fromFirst ? a++ : b++;
        items[at] = source.item(position);
        if (times.length > 0) {
          times[at] = source.time(position);
        }
        if (weights.length > 0) {
          weights[at] = source.weight(position);
        }
        at++;
      }
      offsets[query + 1] = at;
    }
    return new Interactions(offsets, items, times, weights);
  }
}
