package io.tandem.baseline;

import static io.tandem.baseline.MultiplyAdd.add;

import java.util.Arrays;

/**
 * Eigenvalues and eigenvectors of a symmetric matrix, in double precision: reduction to tridiagonal
 * form by Householder reflections, then implicit QR steps with Wilkinson's shift (Golub, Van Loan,
 * Matrix Computations, 8.3). O(n³) with the eigenvectors as rows, along which every loop runs.
 */
final class SymmetricEigen {
  /** QR steps that an eigenvalue may take; two are usual. */
  private static final int STEPS = 60;

  private final int n;
  private final double[] diagonal;
  private final double[] beside;
  private final double[][] vectors;

  private SymmetricEigen(double[][] a) {
    n = a.length;
    diagonal = new double[n];
    beside = new double[n];
    vectors = new double[n][n];
    for (int i = 0; i < n; i++) {
      vectors[i][i] = 1;
    }
    reduce(a);
    diagonalize();
  }

  /**
   * Decomposes a matrix.
   *
   * @param symmetric [n, n], finite, both triangles; overwritten
   */
  static SymmetricEigen of(double[][] symmetric) {
    return new SymmetricEigen(symmetric);
  }

  /** [n] eigenvalues, in no order. */
  double[] values() {
    return diagonal;
  }

  /** [n, n] eigenvectors: row i belongs to eigenvalue i. */
  double[][] vectors() {
    return vectors;
  }

  /** Makes the matrix tridiagonal and collects the reflections in the rows of {@link #vectors}. */
  private void reduce(double[][] a) {
    double[] v = new double[n];
    double[] w = new double[n];
    for (int k = 0; k + 2 < n; k++) {
      double square = MultiplyAdd.dot(a[k], a[k], k + 1, n);
      double norm = Math.sqrt(square);
      double first = a[k][k + 1];
      diagonal[k] = a[k][k];
      beside[k] = first > 0 ? -norm : norm;
      double length = square - first * beside[k];
      if (length > 0) {
        System.arraycopy(a[k], k + 1, v, k + 1, n - k - 1);
        v[k + 1] = first - beside[k];
        double beta = 1 / length;
        reflectBothSides(a, v, beta, w, k + 1);
        reflectVectors(v, beta, w, k + 1);
      }
    }
    for (int k = Math.max(0, n - 2); k < n; k++) {
      diagonal[k] = a[k][k];
      beside[k] = k + 1 < n ? a[k][k + 1] : 0;
    }
  }

  /** A −= v wᵀ + w vᵀ with w = p − β/2 ⟨p, v⟩ v and p = β A v, over rows and columns from. */
  private void reflectBothSides(double[][] a, double[] v, double beta, double[] w, int from) {
    Arrays.fill(w, from, n, 0);
    for (int i = from; i < n; i++) {
      add(w, a[i], beta * v[i], from, n);
    }
    add(w, v, -beta / 2 * MultiplyAdd.dot(w, v, from, n), from, n);
    for (int i = from; i < n; i++) {
      add(a[i], w, -v[i], from, n);
      add(a[i], v, -w[i], from, n);
    }
  }

  /** vectors −= β v (vᵀ vectors). */
  private void reflectVectors(double[] v, double beta, double[] w, int from) {
    Arrays.fill(w, 0);
    for (int i = from; i < n; i++) {
      add(w, vectors[i], beta * v[i], 0, n);
    }
    for (int i = from; i < n; i++) {
      add(vectors[i], w, -v[i], 0, n);
    }
  }

  private void diagonalize() {
    double norm = 0;
    for (int i = 0; i < n; i++) {
      norm = Math.max(norm, Math.abs(diagonal[i]) + Math.abs(beside[i]));
    }
    double negligible = Math.ulp(1.0) / 2 * norm;
    int last = n - 1;
    int steps = 0;
    while (last > 0) {
      if (Math.abs(beside[last - 1]) <= negligible) {
        last--;
        steps = 0;
        continue;
      }
      if (++steps > STEPS) {
        throw new IllegalStateException(
            "no eigenvalue found in %d QR steps for a matrix of %d rows and norm %s"
                .formatted(STEPS, n, norm));
      }
      int first = last - 1;
      while (first > 0 && Math.abs(beside[first - 1]) > negligible) {
        first--;
      }
      step(first, last);
    }
  }

  /** One implicit QR step on the block first..last, which has no zero beside the diagonal. */
  private void step(int first, int last) {
    double edge = beside[last - 1];
    double half = (diagonal[last - 1] - diagonal[last]) / 2;
    double root = Math.hypot(half, edge);
    double shift = diagonal[last] - edge * edge / (half + (half < 0 ? -root : root));
    double x = diagonal[first] - shift;
    double z = beside[first];
    for (int k = first; k < last; k++) {
      double r = Math.hypot(x, z);
      double c = r == 0 ? 1 : x / r;
      double s = r == 0 ? 0 : z / r;
      if (k > first) {
        beside[k - 1] = r;
      }
      double upper = diagonal[k];
      double cross = beside[k];
      double lower = diagonal[k + 1];
      diagonal[k] = c * c * upper + 2 * c * s * cross + s * s * lower;
      diagonal[k + 1] = s * s * upper - 2 * c * s * cross + c * c * lower;
      beside[k] = c * s * (lower - upper) + (c * c - s * s) * cross;
      if (k + 1 < last) {
        x = beside[k];
        z = s * beside[k + 1];
        beside[k + 1] *= c;
      }
      rotate(vectors[k], vectors[k + 1], c, s);
    }
  }

  private static void rotate(double[] a, double[] b, double c, double s) {
    for (int j = 0; j < a.length; j++) {
      double before = a[j];
      a[j] = c * before + s * b[j];
      b[j] = c * b[j] - s * before;
    }
  }
}
