package io.tandem.feature;

/**
 * Turns queries of a data set, each at a moment, into tower inputs. Safe for any number of threads.
 */
public interface EventEncoder {
  /** Appends the query as it was in the context. */
  void encode(int query, QueryContext context, FeatureBatch target);
}
