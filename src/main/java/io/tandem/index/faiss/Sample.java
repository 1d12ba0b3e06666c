package io.tandem.index.faiss;

import io.tandem.index.Recall;
import java.util.Arrays;

/**
 * Queries and what exact search answers to them.
 *
 * @param queries [n × dimension] row-major
 * @param k cut-off, at most the number of vectors
 * @param scores [n × k] of the exact top k
 */
record Sample(float[] queries, int n, int k, float[] scores) {

  static Sample of(FaissIndex exact, float[] queries, int n, int cutoff) {
    int k = Math.min(cutoff, exact.size());
    float[] scores = new float[n * k];
    exact.search(queries, n, k, new int[n * k], scores);
    return new Sample(queries, n, k, scores);
  }

  /** Share of the exact top k that an index over the same vectors finds. */
  double recall(FaissIndex index) {
    int[] rows = new int[n * k];
    float[] found = new float[n * k];
    index.search(queries, n, k, rows, found);
    return Recall.of(scores, found, rows, n, k);
  }

  float[] query(int i, int dimension) {
    return Arrays.copyOfRange(queries, i * dimension, (i + 1) * dimension);
  }
}
