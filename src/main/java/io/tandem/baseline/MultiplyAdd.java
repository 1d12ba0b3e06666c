package io.tandem.baseline;

/**
 * The inner loops of linear algebra. Each row is an array of its own and each loop writes one row:
 * only such loops does the JIT turn into vector instructions.
 */
final class MultiplyAdd {
  private MultiplyAdd() {}

  /** target[j] += Σ_t x_t · row_t[j] for from ≤ j < to. */
  static void add(
      float[] target,
      float[] row0,
      float[] row1,
      float[] row2,
      float[] row3,
      float x0,
      float x1,
      float x2,
      float x3,
      int from,
      int to) {
    for (int j = from; j < to; j++) {
      target[j] += x0 * row0[j] + x1 * row1[j] + x2 * row2[j] + x3 * row3[j];
    }
  }

  /** target[j] += Σ_t x_t · row_t[j] for from ≤ j < to. */
  static void add(
      double[] target,
      double[] row0,
      double[] row1,
      double[] row2,
      double[] row3,
      double x0,
      double x1,
      double x2,
      double x3,
      int from,
      int to) {
    for (int j = from; j < to; j++) {
      target[j] += x0 * row0[j] + x1 * row1[j] + x2 * row2[j] + x3 * row3[j];
    }
  }

  /** target[j] += x · row[j] for from ≤ j < to. */
  static void add(double[] target, double[] row, double x, int from, int to) {
    for (int j = from; j < to; j++) {
      target[j] += x * row[j];
    }
  }

  /** Σ_j a[j] · b[j] for from ≤ j < to. */
  static double dot(double[] a, double[] b, int from, int to) {
    double sum0 = 0;
    double sum1 = 0;
    double sum2 = 0;
    double sum3 = 0;
    int j = from;
    for (; j + 3 < to; j += 4) {
      sum0 += a[j] * b[j];
      sum1 += a[j + 1] * b[j + 1];
      sum2 += a[j + 2] * b[j + 2];
      sum3 += a[j + 3] * b[j + 3];
    }
    for (; j < to; j++) {
      sum0 += a[j] * b[j];
    }
    return (sum0 + sum1) + (sum2 + sum3);
  }

  /** ⟨a, b⟩ of n numbers at two places, in double precision. */
  static double dot(float[] a, int atA, float[] b, int atB, int n) {
    double sum0 = 0;
    double sum1 = 0;
    double sum2 = 0;
    double sum3 = 0;
    int j = 0;
    for (; j + 3 < n; j += 4) {
      sum0 += (double) a[atA + j] * b[atB + j];
      sum1 += (double) a[atA + j + 1] * b[atB + j + 1];
      sum2 += (double) a[atA + j + 2] * b[atB + j + 2];
      sum3 += (double) a[atA + j + 3] * b[atB + j + 3];
    }
    for (; j < n; j++) {
      sum0 += (double) a[atA + j] * b[atB + j];
    }
    return (sum0 + sum1) + (sum2 + sum3);
  }
}
