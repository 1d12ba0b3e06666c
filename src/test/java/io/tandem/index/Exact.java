package io.tandem.index;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.function.IntPredicate;

/** Exact search in plain Java: what every index is held against. */
public final class Exact {
  private final float[][] vectors;

  public Exact(float[][] vectors) {
    this.vectors = vectors;
  }

  /** The best k of the rows that pass, best first, equal scores by lower row. */
  public List<Integer> search(float[] query, int k, IntPredicate allowed) {
    List<Integer> rows = new ArrayList<>();
    for (int row = 0; row < vectors.length; row++) {
      if (allowed.test(row)) {
        rows.add(row);
      }
    }
    rows.sort(
        Comparator.comparingDouble((Integer row) -> -dot(query, vectors[row]))
            .thenComparingInt(row -> row));
    return rows.subList(0, Math.min(k, rows.size()));
  }

  public static float dot(float[] a, float[] b) {
    float sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  /** Vectors of length 1 in some clusters. */
  public static float[][] vectors(int n, int dimension, long seed) {
    Random random = new Random(seed);
    float[][] centres = new float[16][dimension];
    for (float[] centre : centres) {
      for (int i = 0; i < dimension; i++) {
        centre[i] = (float) random.nextGaussian();
      }
    }
    float[][] vectors = new float[n][dimension];
    for (float[] vector : vectors) {
      float[] centre = centres[random.nextInt(centres.length)];
      double norm = 0;
      for (int i = 0; i < dimension; i++) {
        vector[i] = (float) (centre[i] + random.nextGaussian());
        norm += vector[i] * vector[i];
      }
      for (int i = 0; i < dimension; i++) {
        vector[i] /= (float) Math.sqrt(norm);
      }
    }
    return vectors;
  }

  /** Rows one after the other. */
  public static float[] flatten(float[][] vectors) {
    int dimension = vectors[0].length;
    float[] flat = new float[vectors.length * dimension];
    for (int i = 0; i < vectors.length; i++) {
      System.arraycopy(vectors[i], 0, flat, i * dimension, dimension);
    }
    return flat;
  }
}
