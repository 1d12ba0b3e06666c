package io.tandem.feature;

/**
 * Turns queries of a data set, each at a moment, into tower inputs. Safe for any number of threads.
 */
public interface EventEncoder {
  /** Of a history's items, the newest so many are looked at at most; 0 where none is. */
  int longestHistory();

  /**
   * Appends queries, each as it was in its context.
   *
   * @param queries [rows]
   * @param contexts [rows]
   */
  void encode(int[] queries, QueryContext[] contexts, FeatureBatch target);

  /** Appends the query as it was in the context. */
  default void encode(int query, QueryContext context, FeatureBatch target) {
    encode(new int[] {query}, new QueryContext[] {context}, target);
  }

  /**
   * Appends the query at every place of its history: row i has seen the items before place i. The
   * rows share the values of sequences.
   *
   * @param items numbers of items in time order
   * @param times of each, seconds since 1970
   */
  void encodePositions(int query, int[] items, long[] times, FeatureBatch target);
}
