package io.tandem.baseline;

/** The value that iALS makes small, in double precision, through the Gramians of both sides. */
final class Objective {
  private static final int BLOCK = 256;

  private Objective() {}

  /**
   * Computes it.
   *
   * @param byQuery pairs
   * @param byItem the same, transposed
   * @param u [queries × dim]
   * @param v [items × dim]
   * @param gramianU UᵀU
   * @param gramianV VᵀV
   */
  static double of(
      SparseRows byQuery,
      SparseRows byItem,
      ImplicitAls.Settings settings,
      float[] u,
      float[] v,
      double[][] gramianU,
      double[][] gramianV,
      Workers workers) {
    double unobserved = 0;
    for (int i = 0; i < settings.dim(); i++) {
      unobserved += MultiplyAdd.dot(gramianU[i], gramianV[i], 0, settings.dim());
    }
    return observed(byQuery, settings.dim(), u, v, workers)
        + settings.unobservedWeight() * unobserved
        + penalty(byQuery, byItem.rows(), settings, u)
        + penalty(byItem, byQuery.rows(), settings, v);
  }

  /** Σ w (1 − ⟨u, v⟩)². */
  private static double observed(
      SparseRows byQuery, int dim, float[] u, float[] v, Workers workers) {
    int rows = byQuery.rows();
    double[] sums = new double[(rows + BLOCK - 1) / BLOCK];
    workers.run(
        sums.length,
        (block, worker) -> {
          double sum = 0;
          int start = byQuery.offsets()[block * BLOCK];
          int row = block * BLOCK;
          int end = byQuery.offsets()[Math.min(rows, row + BLOCK)];
          for (int at = start; at < end; at++) {
            while (at >= byQuery.offsets()[row + 1]) {
              row++;
            }
            int item = byQuery.columns()[at];
            double error = 1 - MultiplyAdd.dot(u, row * dim, v, item * dim, dim);
            sum += byQuery.weights()[at] * error * error;
          }
          sums[block] = sum;
        });
    double total = 0;
    for (double sum : sums) {
      total += sum;
    }
    return total;
  }

  /** Σ ridge · |x|². */
  private static double penalty(
      SparseRows rows, int others, ImplicitAls.Settings settings, float[] x) {
    int dim = settings.dim();
    double total = 0;
    for (int row = 0; row < rows.rows(); row++) {
      double square = MultiplyAdd.dot(x, row * dim, x, row * dim, dim);
      total += settings.ridge(rows.count(row), others) * square;
    }
    return total;
  }
}
