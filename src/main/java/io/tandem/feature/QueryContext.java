package io.tandem.feature;

import io.tandem.data.Interactions;

/**
 * What a query looked like at a moment: the items that it had touched, and the time.
 *
 * @param items numbers of items, in time order from {@code start} until {@code end}; not a copy
 * @param start place of the oldest
 * @param end one past that of the newest
 * @param time seconds since 1970
 */
public record QueryContext(int[] items, int start, int end, long time) {

  /** The items of positions {@code start} until {@code end}. */
  public static QueryContext of(Interactions interactions, int start, int end, long time) {
    int[] items = new int[end - start];
    interactions.copyItems(start, end, items, 0);
    return new QueryContext(items, 0, items.length, time);
  }
}
