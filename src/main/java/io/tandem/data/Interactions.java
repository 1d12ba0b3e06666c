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
}
