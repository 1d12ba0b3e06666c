package io.tandem.retrieval;

import java.time.Instant;

/**
 * Is told what a retriever does, such as for metrics. Methods are called by the threads that
 * retrieve, often by several at once, and should return at once; what they throw, the caller gets.
 */
public interface RetrieverListener {
  /**
   * A retrieval was answered; those of a batch are not told one by one. All times are in
   * nanoseconds.
   *
   * @param encode reading the query's features and its tower's forward pass
   * @param filter finding the rows of its filter and exclusions
   * @param search the search itself
   * @param total from the call to the answer, waiting for its turn included
   * @param scanned vectors and codes that the query was compared with: of the index, where its type
   *     counts them (a factory's may not), and of items added since
   */
  default void retrieved(long encode, long filter, long search, long total, long scanned) {}

  /**
   * A batch was answered.
   *
   * @param total nanoseconds for all of it
   */
  default void batchRetrieved(int queries, long total) {}

  /** A retrieval failed: a {@link DeadlineException}, or a request that cannot be answered. */
  default void failed(RuntimeException failure) {}

  /** A version is in use from now on: the first, or the next. */
  default void opened(String version, Instant created) {}

  /** A version could not be opened, so that the one before stays in use; told once for each. */
  default void refreshFailed(String version, RuntimeException failure) {}

  /**
   * Items were added or removed, or the version with them changed.
   *
   * @param added items beside the version
   * @param gone items of the version that were removed or replaced
   */
  default void changed(int added, int gone) {}

  /**
   * A live query's answer was held against exact search.
   *
   * @param recall share of the exact best items that the index found, in [0, 1]
   */
  default void recallSampled(double recall) {}
}
