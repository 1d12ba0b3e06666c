package io.tandem.index.faiss;

import java.util.Arrays;

/**
 * Queries and what exact search answers to them.
 *
 * @param exact over the whole vectors
 * @param queries [n × dimension] row-major
 * @param k cut-off, at most the number of vectors
 * @param rows [n × k] the exact top k, ascending within a query
 * @param scores [n] dot product of the last of them
 */
record Sample(FaissIndex exact, float[] queries, int n, int k, int[] rows, float[] scores) {
  /** Rounding between one exact kernel and another, relative to the score. */
  private static final float ROUNDING = 1e-5f;

  static Sample of(FaissIndex exact, float[] queries, int n, int cutoff) {
    int k = Math.min(cutoff, exact.size());
    int[] rows = new int[n * k];
    float[] scores = new float[n * k];
    exact.search(queries, n, k, rows, scores);
    float[] last = new float[n];
    for (int i = 0; i < n; i++) {
      last[i] = scores[(i + 1) * k - 1];
      Arrays.sort(rows, i * k, (i + 1) * k);
    }
    return new Sample(exact, queries, n, k, rows, last);
  }

  /**
   * Mean share of the exact top k that another index over the same vectors finds. A row that equals
   * the last exact hit counts too: which of several equal items is returned makes no difference.
   */
  double recall(FaissIndex index) {
    int[] found = new int[n * k];
    index.search(queries, n, k, found, new float[n * k]);
    float[] vector = new float[exact.dimension()];
    long hits = 0;
    for (int i = 0; i < n * k; i++) {
      int query = i / k;
      if (found[i] >= 0
          && (Arrays.binarySearch(rows, query * k, (query + 1) * k, found[i]) >= 0
              || equalsLast(query, found[i], vector))) {
        hits++;
      }
    }
    return (double) hits / ((long) n * k);
  }

  float[] query(int i) {
    return Arrays.copyOfRange(queries, i * exact.dimension(), (i + 1) * exact.dimension());
  }

  private boolean equalsLast(int query, int row, float[] vector) {
    exact.vector(row, vector);
    float score = 0;
    for (int i = 0; i < vector.length; i++) {
      score += queries[query * vector.length + i] * vector[i];
    }
    return score >= scores[query] - Math.abs(scores[query]) * ROUNDING;
  }
}
