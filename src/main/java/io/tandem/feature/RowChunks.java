package io.tandem.feature;

import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Rows in chunks that are worked on at the same time. Where chunks begin depends on the rows alone,
 * never on the threads.
 *
 * @param rows of all chunks together
 */
record RowChunks(int rows) {
  private static final int SIZE = 1024;

  /** With fewer rows, sharing them out takes longer than doing them. */
  private static final int FEWEST_SHARED = 2 * SIZE;

  /** Number of chunks. */
  int count() {
    return (rows + SIZE - 1) / SIZE;
  }

  /** First row of a chunk. */
  int from(int chunk) {
    return chunk * SIZE;
  }

  /** One past the last row of a chunk. */
  int to(int chunk) {
    return Math.min(rows, from(chunk) + SIZE);
  }

  /** Does the work of each chunk, on several threads where there are many rows. */
  void forEach(IntConsumer work) {
    forEach(count(), rows, work);
  }

  /** The same for parts that have so many rows together. */
  static void forEach(int parts, int rows, IntConsumer work) {
    IntStream each = IntStream.range(0, parts);
    (rows < FEWEST_SHARED ? each : each.parallel()).forEach(work);
  }
}
