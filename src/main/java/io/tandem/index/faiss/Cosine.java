package io.tandem.index.faiss;

import java.nio.FloatBuffer;

/** Scales vectors to length 1, so that their dot product is the cosine of their angle. */
final class Cosine {
  private Cosine() {}

  /** Scales one vector in place; a zero vector stays as it is. */
  static void normalize(FloatBuffer vectors, int from, int dimension) {
    double squares = 0;
    for (int i = from; i < from + dimension; i++) {
      squares += (double) vectors.get(i) * vectors.get(i);
    }
    double scale = scale(squares);
    for (int i = from; i < from + dimension; i++) {
      vectors.put(i, (float) (vectors.get(i) * scale));
    }
  }

  /** Scaled copies of the first n vectors. */
  static float[] normalized(float[] vectors, int n, int dimension) {
    float[] scaled = new float[n * dimension];
    for (int row = 0; row < n; row++) {
      double squares = 0;
      for (int i = row * dimension; i < (row + 1) * dimension; i++) {
        squares += (double) vectors[i] * vectors[i];
      }
      double scale = scale(squares);
      for (int i = row * dimension; i < (row + 1) * dimension; i++) {
        scaled[i] = (float) (vectors[i] * scale);
      }
    }
    return scaled;
  }

  private static double scale(double squares) {
    return squares > 0 ? 1 / Math.sqrt(squares) : 1;
  }
}
