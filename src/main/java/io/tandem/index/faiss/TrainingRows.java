package io.tandem.index.faiss;

import java.io.Serializable;

/**
 * The vectors that centroids are learnt from: evenly spread over all, each more than once where
 * there are too few.
 *
 * @param drawn how many are learnt from, with repetition
 * @param total vectors in all, at least 1
 */
public record TrainingRows(int drawn, int total) implements Serializable {
  /** Most vectors that centroids are learnt from, for each. */
  private static final int PER_CENTROID = 64;

  private static final int LEAST = 1 << 16;

  /**
   * @param centroids that are learnt
   * @param values that a code can take, each of which is learnt too
   */
  static TrainingRows of(long centroids, int values, int total) {
    long most = Math.max(LEAST, PER_CENTROID * centroids);
    long needed = Recipe.PER_CENTROID * Math.max(values, centroids);
    return new TrainingRows(Math.toIntExact(Math.max(needed, Math.min(total, most))), total);
  }

  /** Row of a vector by its number among those drawn; ascending. */
  int row(int number) {
    return Math.toIntExact((long) number * total / drawn);
  }

  /** Whether every row is drawn, and none of them twice. */
  boolean isAll() {
    return drawn == total;
  }

  /** Whether a row is among those drawn. */
  public boolean contains(int row) {
    long first = ((long) row * drawn + total - 1) / total;
    return first < drawn && row((int) first) == row;
  }
}
