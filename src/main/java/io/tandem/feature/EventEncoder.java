package io.tandem.feature;

/**
 * Turns queries of a data set, each at a moment, into tower inputs. Safe for any number of threads.
 */
public interface EventEncoder {
  /** Appends the query as it was in the context. */
  void encode(int query, QueryContext context, FeatureBatch target);

  /**
   * Appends the query at every place of its history: row i has seen the items before place i. The
   * rows share the values of sequences.
   *
   * @param items numbers of items in time order
   * @param times of each, seconds since 1970
   * @param from first place
   * @param to one past the last place
   */
  void encodePositions(int query, int[] items, long[] times, int from, int to, FeatureBatch target);
}
