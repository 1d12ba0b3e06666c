package io.tandem.baseline;

import static io.tandem.baseline.MultiplyAdd.add;

/**
 * A = RᵀR with R upper triangular, in place and in double precision. Rows are computed in panels,
 * so that the rows above are read once for a whole panel.
 */
final class Cholesky {
  private static final int PANEL = 8;

  private Cholesky() {}

  /**
   * Replaces the upper triangle of A by R; what is below the diagonal is neither read nor written.
   *
   * @param a [n, n] at least
   * @return whether A is positive definite; if not, its content is lost
   */
  static boolean factor(double[][] a, int n) {
    for (int from = 0; from < n; from += PANEL) {
      int to = Math.min(n, from + PANEL);
      subtractRowsAbove(a, from, to, n);
      for (int i = from; i < to; i++) {
        double[] row = a[i];
        for (int p = from; p < i; p++) {
          add(row, a[p], -a[p][i], i, n);
        }
        double pivot = row[i];
        if (!(pivot > 0) || pivot == Double.POSITIVE_INFINITY) {
          return false;
        }
        double scale = 1 / Math.sqrt(pivot);
        for (int j = i; j < n; j++) {
          row[j] *= scale;
        }
      }
    }
    return true;
  }

  /** Rows from..to −= what rows 0..from account for; panels start at multiples of four. */
  private static void subtractRowsAbove(double[][] a, int from, int to, int n) {
    for (int p = 0; p < from; p += 4) {
      double[] row0 = a[p];
      double[] row1 = a[p + 1];
      double[] row2 = a[p + 2];
      double[] row3 = a[p + 3];
      for (int i = from; i < to; i++) {
        add(a[i], row0, row1, row2, row3, -row0[i], -row1[i], -row2[i], -row3[i], i, n);
      }
    }
  }

  /** Replaces b by A⁻¹b, given {@link #factor}'s R. */
  static void solve(double[][] r, int n, double[] b) {
    for (int i = 0; i < n; i++) {
      b[i] /= r[i][i];
      add(b, r[i], -b[i], i + 1, n);
    }
    for (int i = n - 1; i >= 0; i--) {
      b[i] = (b[i] - MultiplyAdd.dot(r[i], b, i + 1, n)) / r[i][i];
    }
  }
}
