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

  /** Vectors of the index itself stand in for queries. */
  static Sample ofOwnRows(FaissIndex exact, int most, int cutoff) {
    int dimension = exact.dimension();
    int n = Math.min(most, exact.size());
    float[] queries = new float[n * dimension];
    float[] vector = new float[dimension];
    for (int i = 0; i < n; i++) {
      exact.vector((int) ((long) i * exact.size() / n), vector);
      System.arraycopy(vector, 0, queries, i * dimension, dimension);
    }
    return of(exact, queries, n, cutoff);
  }

  /** Every second query, from the first or the second on; all of them where they are few. */
  Sample half(int first) {
    if (n < 20) {
      return this;
    }
    int dimension = exact.dimension();
    int count = (n - first + 1) / 2;
    float[] halfQueries = new float[count * dimension];
    int[] halfRows = new int[count * k];
    float[] halfScores = new float[count];
    for (int i = 0; i < count; i++) {
      int from = 2 * i + first;
      System.arraycopy(queries, from * dimension, halfQueries, i * dimension, dimension);
      System.arraycopy(rows, from * k, halfRows, i * k, k);
      halfScores[i] = scores[from];
    }
    return new Sample(exact, halfQueries, count, k, halfRows, halfScores);
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
    float size = 0;
    for (int i = 0; i < vector.length; i++) {
      float product = queries[query * vector.length + i] * vector[i];
      score += product;
      size += Math.abs(product);
    }
    return score >= scores[query] - size * ROUNDING;
  }
}
