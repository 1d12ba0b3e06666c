package io.tandem.baseline;

import java.util.Arrays;

/**
 * One thread's buffers for the equations of a row: x minimizes Σ_t w_t (1 − ⟨x, v_t⟩)² + xᵀBx.
 *
 * <p>Two ways give the same x. With d numbers in a vector and n observed pairs, the normal
 * equations (B + VᵀWV) x = VᵀW1 cost nd² + d³/3 operations. Where B is diagonal, x = B^-½ Sᵀ (I +
 * SSᵀ)^-1 W^½ 1 with S = W^½ V B^-½, which costs n²d + n³/3.
 */
final class RowSolver {
  private final int dim;
  private final Gramian gramian;
  private final float[][] chunk;
  private final float[] roots;
  private final float[] chunkSum;
  private final double[][] matrix;
  private final double[] solution;
  private final double[][] scaled;
  private final double[] dual;
  private final double[] combined;

  RowSolver(int dim) {
    this.dim = dim;
    gramian = new Gramian(dim);
    chunk = Gramian.chunk(dim);
    roots = new float[Gramian.CHUNK];
    chunkSum = new float[dim];
    matrix = new double[(dim + 3) & ~3][(dim + 3) & ~3];
    solution = new double[dim];
    scaled = new double[(dim / 2 + 3) & ~3][dim];
    dual = new double[scaled.length];
    combined = new double[dim];
  }

  /** Whether a row of so many pairs is better solved by {@link #solveShort}. */
  boolean isShort(int pairs) {
    return 2 * pairs <= dim;
  }

  /**
   * Solves the normal equations for B = base + ridge · I.
   *
   * @param vectors [columns × dim] row-major
   * @param columns of the row's pairs, at positions from until to, as their weights are
   * @param base [dim, dim] of which the upper triangle is read
   * @param target receives x, from place at
   */
  void solve(
      float[] vectors,
      int[] columns,
      float[] weights,
      int from,
      int to,
      double[][] base,
      double ridge,
      float[] target,
      int at) {
    for (int i = 0; i < dim; i++) {
      System.arraycopy(base[i], i, matrix[i], i, dim - i);
      matrix[i][i] += ridge;
    }
    Arrays.fill(solution, 0);
    for (int start = from; start < to; start += Gramian.CHUNK) {
      int count = Math.min(Gramian.CHUNK, to - start);
      for (int t = 0; t < count; t++) {
        gather(vectors, columns[start + t] * dim, weights[start + t], t);
      }
      gramian.add(chunk, count, matrix);
      addRightHandSide(count);
    }
    if (!Cholesky.factor(matrix, dim)) {
      throw notPositiveDefinite(to - from, ridge);
    }
    Cholesky.solve(matrix, dim, solution);
    for (int i = 0; i < dim; i++) {
      target[at + i] = (float) solution[i];
    }
  }

  /** Scales a vector by the root of its weight. */
  private void gather(float[] vectors, int offset, float weight, int place) {
    float root = (float) Math.sqrt(weight);
    float[] row = chunk[place];
    roots[place] = root;
    for (int i = 0; i < dim; i++) {
      row[i] = root * vectors[offset + i];
    }
  }

  /** Adds the chunk's rows times the roots once more; up to a multiple of four, rows are zeros. */
  private void addRightHandSide(int count) {
    Arrays.fill(chunkSum, 0);
    for (int t = 0; t < count; t += 4) {
      MultiplyAdd.add(
          chunkSum,
          chunk[t],
          chunk[t + 1],
          chunk[t + 2],
          chunk[t + 3],
          roots[t],
          roots[t + 1],
          roots[t + 2],
          roots[t + 3],
          0,
          dim);
    }
    for (int i = 0; i < dim; i++) {
      solution[i] += chunkSum[i];
    }
  }

  /**
   * Solves a row of few pairs, in single precision only what is read and written.
   *
   * @param diagonal [dim] of B, above 0
   * @see #solve for the others
   * @see #isShort
   */
  void solveShort(
      float[] vectors,
      int[] columns,
      float[] weights,
      int from,
      int to,
      double[] diagonal,
      float[] target,
      int at) {
    int n = to - from;
    int padded = (n + 3) & ~3;
    for (int i = 0; i < dim; i++) {
      solution[i] = 1 / Math.sqrt(diagonal[i]);
    }
    for (int t = 0; t < n; t++) {
      double root = Math.sqrt(weights[from + t]);
      int offset = columns[from + t] * dim;
      double[] row = scaled[t];
      for (int i = 0; i < dim; i++) {
        row[i] = root * vectors[offset + i] * solution[i];
      }
      dual[t] = root;
    }
    for (int t = n; t < padded; t++) {
      Arrays.fill(scaled[t], 0);
    }
    for (int i = 0; i < padded; i += 4) {
      for (int j = i; j < padded; j += 4) {
        products(i, j);
      }
    }
    for (int t = 0; t < n; t++) {
      matrix[t][t] += 1;
    }
    if (!Cholesky.factor(matrix, n)) {
      throw notPositiveDefinite(n, diagonal[0]);
    }
    Cholesky.solve(matrix, n, dual);
    Arrays.fill(combined, 0);
    for (int t = 0; t < n; t++) {
      MultiplyAdd.add(combined, scaled[t], dual[t], 0, dim);
    }
    for (int i = 0; i < dim; i++) {
      target[at + i] = (float) (combined[i] * solution[i]);
    }
  }

  /** SSᵀ for four rows by four: each number that is read takes part in four products. */
  private void products(int i, int j) {
    double[] a0 = scaled[i];
    double[] a1 = scaled[i + 1];
    double[] a2 = scaled[i + 2];
    double[] a3 = scaled[i + 3];
    double[] b0 = scaled[j];
    double[] b1 = scaled[j + 1];
    double[] b2 = scaled[j + 2];
    double[] b3 = scaled[j + 3];
    double s00 = 0;
    double s01 = 0;
    double s02 = 0;
    double s03 = 0;
    double s10 = 0;
    double s11 = 0;
    double s12 = 0;
    double s13 = 0;
    double s20 = 0;
    double s21 = 0;
    double s22 = 0;
    double s23 = 0;
    double s30 = 0;
    double s31 = 0;
    double s32 = 0;
    double s33 = 0;
    for (int k = 0; k < dim; k++) {
      double x0 = a0[k];
      double x1 = a1[k];
      double x2 = a2[k];
      double x3 = a3[k];
      double y0 = b0[k];
      double y1 = b1[k];
      double y2 = b2[k];
      double y3 = b3[k];
      s00 += x0 * y0;
      s01 += x0 * y1;
      s02 += x0 * y2;
      s03 += x0 * y3;
      s10 += x1 * y0;
      s11 += x1 * y1;
      s12 += x1 * y2;
      s13 += x1 * y3;
      s20 += x2 * y0;
      s21 += x2 * y1;
      s22 += x2 * y2;
      s23 += x2 * y3;
      s30 += x3 * y0;
      s31 += x3 * y1;
      s32 += x3 * y2;
      s33 += x3 * y3;
    }
    put(matrix[i], j, s00, s01, s02, s03);
    put(matrix[i + 1], j, s10, s11, s12, s13);
    put(matrix[i + 2], j, s20, s21, s22, s23);
    put(matrix[i + 3], j, s30, s31, s32, s33);
  }

  private static void put(double[] row, int j, double a, double b, double c, double d) {
    row[j] = a;
    row[j + 1] = b;
    row[j + 2] = c;
    row[j + 3] = d;
  }

  private static IllegalStateException notPositiveDefinite(int pairs, double ridge) {
    return new IllegalStateException(
        ("the equations of a row of %d pairs cannot be solved in double precision: its"
                + " regularization of %s is too small beside its weights and vectors")
            .formatted(pairs, ridge));
  }
}
