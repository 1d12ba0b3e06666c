package io.tandem.tower.sequence;

/**
 * Loops over rows of positions. All arrays of a loop share one index and only one is written: with
 * different offsets the JIT would not make vector instructions of them.
 */
final class Rows {
  private Rows() {}

  /** y += a x. */
  static void add(float[] y, float[] x, float a, int from, int to) {
    for (int i = from; i < to; i++) {
      y[i] += a * x[i];
    }
  }

  /** y += a₀ x₀ + a₁ x₁ + a₂ x₂ + a₃ x₃: y is read and written a quarter as often. */
  static void add(
      float[] y,
      float[] x0,
      float[] x1,
      float[] x2,
      float[] x3,
      float a0,
      float a1,
      float a2,
      float a3,
      int from,
      int to) {
    for (int i = from; i < to; i++) {
      y[i] += a0 * x0[i] + a1 * x1[i] + a2 * x2[i] + a3 * x3[i];
    }
  }

  /** y += Σ_c a[c][column] x[c] over [from, to). */
  static void addColumn(
      float[] y, float[][] x, float[][] a, int column, int count, int from, int to) {
    int c = 0;
    for (; c + 3 < count; c += 4) {
      add(
          y,
          x[c],
          x[c + 1],
          x[c + 2],
          x[c + 3],
          a[c][column],
          a[c + 1][column],
          a[c + 2][column],
          a[c + 3][column],
          from,
          to);
    }
    for (; c < count; c++) {
      add(y, x[c], a[c][column], from, to);
    }
  }

  /** y += Σ_r a[r] x[r] over [0, to). */
  static void addAll(float[] y, float[][] x, float[] a, int to) {
    int r = 0;
    for (; r + 3 < x.length; r += 4) {
      add(y, x[r], x[r + 1], x[r + 2], x[r + 3], a[r], a[r + 1], a[r + 2], a[r + 3], 0, to);
    }
    for (; r < x.length; r++) {
      add(y, x[r], a[r], 0, to);
    }
  }

  /** y += x ⊙ z. */
  static void addProduct(float[] y, float[] x, float[] z, int from, int to) {
    for (int i = from; i < to; i++) {
      y[i] += x[i] * z[i];
    }
  }

  /** y ← y ⊙ x. */
  static void multiply(float[] y, float[] x, int to) {
    for (int i = 0; i < to; i++) {
      y[i] *= x[i];
    }
  }

  static void scale(float[] y, float a, int to) {
    for (int i = 0; i < to; i++) {
      y[i] *= a;
    }
  }

  /** y ← max(y, x). */
  static void max(float[] y, float[] x, int from, int to) {
    for (int i = from; i < to; i++) {
      y[i] = Math.max(y[i], x[i]);
    }
  }

  /** Four sums at a time: one chain of additions would wait for itself. */
  static float dot(float[] x, float[] y, int n) {
    float sum0 = 0;
    float sum1 = 0;
    float sum2 = 0;
    float sum3 = 0;
    int i = 0;
    for (; i + 3 < n; i += 4) {
      sum0 += x[i] * y[i];
      sum1 += x[i + 1] * y[i + 1];
      sum2 += x[i + 2] * y[i + 2];
      sum3 += x[i + 3] * y[i + 3];
    }
    for (; i < n; i++) {
      sum0 += x[i] * y[i];
    }
    return (sum0 + sum1) + (sum2 + sum3);
  }

  static float sum(float[] x, int n) {
    float sum0 = 0;
    float sum1 = 0;
    float sum2 = 0;
    float sum3 = 0;
    int i = 0;
    for (; i + 3 < n; i += 4) {
      sum0 += x[i];
      sum1 += x[i + 1];
      sum2 += x[i + 2];
      sum3 += x[i + 3];
    }
    for (; i < n; i++) {
      sum0 += x[i];
    }
    return (sum0 + sum1) + (sum2 + sum3);
  }
}
