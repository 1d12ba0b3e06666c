package io.tandem.baseline;

import java.util.Arrays;

/**
 * Solves for every vector of one side while the other side is fixed: half a sweep. Each row's
 * result is the same whatever the number of threads.
 */
final class HalfSweep {
  private final ImplicitAls.Settings settings;
  private final Workers workers;
  private final RowSolver[] solvers;
  private final int[] heaviestFirst;
  private final SparseRows rows;

  /** For one side's rows of pairs. */
  HalfSweep(SparseRows rows, ImplicitAls.Settings settings, Workers workers, RowSolver[] solvers) {
    this.rows = rows;
    this.settings = settings;
    this.workers = workers;
    this.solvers = solvers;
    heaviestFirst = rows.heaviestFirst();
  }

  /**
   * Solves.
   *
   * @param fixed [other side's rows × dim]
   * @param gramian [dim, dim] of fixed
   * @param rotated [fixed.length] at least; overwritten
   * @param target receives [rows × dim]; zeros where a row has no pair
   */
  void solve(float[] fixed, double[][] gramian, float[] rotated, float[] target) {
    int dim = settings.dim();
    int others = fixed.length / dim;
    Rotation rotation = new Rotation(gramian);
    rotation.rotate(fixed, rotated, workers);
    double[] spectrum = rotation.spectrum();
    double[][] base = new double[dim][dim];
    for (int i = 0; i < dim; i++) {
      spectrum[i] *= settings.unobservedWeight();
      base[i][i] = spectrum[i];
    }
    double[][] diagonals = new double[workers.threads()][dim];
    workers.run(
        rows.rows(),
        (task, worker) -> {
          int row = heaviestFirst[task];
          int from = rows.offsets()[row];
          int to = rows.offsets()[row + 1];
          RowSolver solver = solvers[worker];
          int[] columns = rows.columns();
          float[] weights = rows.weights();
          int at = row * dim;
          double ridge = settings.ridge(to - from, others);
          if (from == to) {
            Arrays.fill(target, at, at + dim, 0);
          } else if (solver.isShort(to - from)) {
            double[] diagonal = diagonals[worker];
            for (int i = 0; i < dim; i++) {
              diagonal[i] = spectrum[i] + ridge;
            }
            solver.solveShort(rotated, columns, weights, from, to, diagonal, target, at);
          } else {
            solver.solve(rotated, columns, weights, from, to, base, ridge, target, at);
          }
        });
    rotation.rotateBack(target, target, workers);
  }
}
