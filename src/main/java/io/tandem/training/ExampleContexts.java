package io.tandem.training;

import io.tandem.data.Interactions;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.QueryContext;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Queries of some examples and what each had touched, put together to be encoded at once. The
 * history under construction is that of the next row.
 */
final class ExampleContexts {
  private final int[] queries;
  private final QueryContext[] contexts;
  private int rows;

  /** Histories of all rows, one after the other. */
  private int[] items;

  /** Where the next row's history begins. */
  private int start;

  private int end;

  ExampleContexts(int rows) {
    queries = new int[rows];
    contexts = new QueryContext[rows];
    items = new int[4 * rows];
  }

  /** Adds the items of positions {@code from} until {@code to}. */
  void add(Interactions interactions, int from, int to) {
    int needed = end + to - from;
    if (needed > items.length) {
      // Earlier rows keep the array that they are in.
      items = Arrays.copyOf(items, Math.max(needed, items.length * 2));
    }
    interactions.copyItems(from, to, items, end);
    end = needed;
  }

  /** Leaves out every occurrence of an item. */
  void remove(int item) {
    int kept = start;
    for (int i = start; i < end; i++) {
      if (items[i] != item) {
        items[kept++] = items[i];
      }
    }
    end = kept;
  }

  /** Leaves out each item with a probability; takes one random number for each if it is not 0. */
  void drop(double probability, SplittableRandom random) {
    if (probability == 0) {
      return;
    }
    int kept = start;
    for (int i = start; i < end; i++) {
      if (random.nextDouble() >= probability) {
        items[kept++] = items[i];
      }
    }
    end = kept;
  }

  /**
   * Ends a row.
   *
   * @param longest newest items of its history that are kept
   * @param time seconds since 1970
   */
  void endRow(int query, int longest, long time) {
    int count = Math.min(longest, end - start);
    System.arraycopy(items, end - count, items, start, count);
    queries[rows] = query;
    contexts[rows++] = new QueryContext(items, start, start + count, time);
    start += count;
    end = start;
  }

  /** Encodes all rows. */
  void encode(EventEncoder events, FeatureBatch target) {
    events.encode(queries, contexts, target);
  }
}
