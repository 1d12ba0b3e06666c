package io.tandem.evaluation;

import io.tandem.data.Interactions;
import java.util.Arrays;

/**
 * What training saw of the items: how popular each is.
 *
 * @param interactions [items] training interactions of each item
 * @param queries [items] distinct queries with a training interaction with the item
 * @param trainingQueries queries with any training interaction
 */
public record ItemCounts(long[] interactions, int[] queries, int trainingQueries) {

  /**
   * Counts.
   *
   * @param items number of items
   */
  public static ItemCounts of(Interactions train, int items) {
    int[] queries = new int[items];
    int[] last = new int[items];
    Arrays.fill(last, -1);
    int trainingQueries = 0;
    for (int query = 0; query < train.queries(); query++) {
      trainingQueries += train.count(query) > 0 ? 1 : 0;
      for (int position = train.start(query); position < train.end(query); position++) {
        int item = train.item(position);
        queries[item] += last[item] == query ? 0 : 1;
        last[item] = query;
      }
    }
    return new ItemCounts(train.itemCounts(items), queries, trainingQueries);
  }

  /** Number of items. */
  public int items() {
    return interactions.length;
  }

  /** Items from the most popular to the least; equally popular ones by number. */
  int[] byPopularity() {
    long[] order = new long[items()];
    // One sort of numbers: descending interactions above, the item below.
    Arrays.setAll(
        order,
        item ->
            ((Integer.MAX_VALUE - Math.min(interactions[item], Integer.MAX_VALUE)) << 32) | item);
    Arrays.sort(order);
    return Arrays.stream(order).mapToInt(key -> (int) key).toArray();
  }

  /** How many items the most popular {@code share} of them are, rounded up. */
  int head(double share) {
    return (int) Math.ceil(share * items());
  }
}
