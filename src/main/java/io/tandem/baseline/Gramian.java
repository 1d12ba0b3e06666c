package io.tandem.baseline;

import java.util.Arrays;

/** Sums of outer products Σ_t x_t x_tᵀ: products in single, long sums in double precision. */
final class Gramian {
  /** Rows whose products are summed in single precision. */
  static final int CHUNK = 64;

  /** Parts that are summed apart, whatever the number of threads: sums are always the same. */
  private static final int STRIPES = 16;

  private static final int PANEL = 8;

  private final int dim;
  private final float[][] panel;

  /** One thread's buffers. */
  Gramian(int dim) {
    this.dim = dim;
    panel = new float[PANEL][dim];
  }

  /** [{@link #CHUNK}, dim] for one thread to gather rows in. */
  static float[][] chunk(int dim) {
    return new float[CHUNK][dim];
  }

  /**
   * Adds to the upper triangle of a sum.
   *
   * @param rows x_t; those after the last, up to a multiple of four, are overwritten with zeros
   * @param count number of rows, at most {@link #CHUNK}
   * @param sum [dim, dim]
   */
  void add(float[][] rows, int count, double[][] sum) {
    int padded = (count + 3) & ~3;
    for (int t = count; t < padded; t++) {
      Arrays.fill(rows[t], 0);
    }
    for (int from = 0; from < dim; from += PANEL) {
      int to = Math.min(dim, from + PANEL);
      multiply(rows, padded, from, to);
      for (int i = from; i < to; i++) {
        float[] products = panel[i - from];
        double[] target = sum[i];
        for (int j = i; j < dim; j++) {
          target[j] += products[j];
        }
      }
    }
  }

  private void multiply(float[][] rows, int count, int from, int to) {
    for (float[] products : panel) {
      Arrays.fill(products, from, dim, 0);
    }
    for (int t = 0; t < count; t += 4) {
      float[] x0 = rows[t];
      float[] x1 = rows[t + 1];
      float[] x2 = rows[t + 2];
      float[] x3 = rows[t + 3];
      for (int i = from; i < to; i++) {
        MultiplyAdd.add(panel[i - from], x0, x1, x2, x3, x0[i], x1[i], x2[i], x3[i], i, dim);
      }
    }
  }

  /**
   * XᵀX, both triangles.
   *
   * @param x [rows × dim] row-major
   * @throws IllegalArgumentException if it is not finite
   */
  static double[][] of(float[] x, int dim, Workers workers) {
    int rows = x.length / dim;
    int each = (rows + STRIPES - 1) / STRIPES;
    double[][][] parts = new double[STRIPES][][];
    workers.run(
        STRIPES,
        (stripe, worker) -> {
          int from = Math.min(rows, stripe * each);
          parts[stripe] = stripe(x, dim, from, Math.min(rows, from + each));
        });
    double[][] sum = parts[0];
    for (int stripe = 1; stripe < STRIPES; stripe++) {
      for (int i = 0; i < dim; i++) {
        MultiplyAdd.add(sum[i], parts[stripe][i], 1, i, dim);
      }
    }
    for (int i = 0; i < dim; i++) {
      if (!Double.isFinite(sum[i][i])) {
        throw new IllegalArgumentException("a vector is not finite, or too long, at place " + i);
      }
      for (int j = 0; j < i; j++) {
        sum[i][j] = sum[j][i];
      }
    }
    return sum;
  }

  private static double[][] stripe(float[] x, int dim, int from, int to) {
    double[][] sum = new double[dim][dim];
    Gramian gramian = new Gramian(dim);
    float[][] chunk = chunk(dim);
    for (int row = from; row < to; row += CHUNK) {
      int count = Math.min(CHUNK, to - row);
      for (int t = 0; t < count; t++) {
        System.arraycopy(x, (row + t) * dim, chunk[t], 0, dim);
      }
      gramian.add(chunk, count, sum);
    }
    return sum;
  }
}
