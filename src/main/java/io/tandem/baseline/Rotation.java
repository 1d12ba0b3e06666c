package io.tandem.baseline;

import java.util.Arrays;

/**
 * The basis in which a Gramian G is diagonal: with its eigenvectors as rows of Z, ZGZᵀ = Λ. There
 * aG + bI is diagonal for every a and b, which makes short rows' equations small.
 */
final class Rotation {
  private static final int BLOCK = 8;

  private final int dim;
  private final double[] spectrum;
  private final float[][] there;
  private final float[][] back;

  /**
   * Diagonalizes.
   *
   * @param gramian [dim, dim], both triangles; left as it is
   */
  Rotation(double[][] gramian) {
    dim = gramian.length;
    double[][] copy = new double[dim][];
    for (int i = 0; i < dim; i++) {
      copy[i] = gramian[i].clone();
    }
    SymmetricEigen eigen = SymmetricEigen.of(copy);
    spectrum = new double[dim];
    // Up to a multiple of four, rows of zeros.
    int padded = (dim + 3) & ~3;
    there = new float[padded][dim];
    back = new float[padded][dim];
    for (int i = 0; i < dim; i++) {
      spectrum[i] = Math.max(0, eigen.values()[i]);
      for (int j = 0; j < dim; j++) {
        float value = (float) eigen.vectors()[i][j];
        back[i][j] = value;
        there[j][i] = value;
      }
    }
  }

  /** [dim] the diagonal of Λ, none below 0. */
  double[] spectrum() {
    return spectrum;
  }

  /** Writes Z x for each row x of [rows × dim]; source and target may be the same. */
  void rotate(float[] source, float[] target, Workers workers) {
    multiply(source, there, target, workers);
  }

  /** Writes Zᵀ x for each row x of [rows × dim]; source and target may be the same. */
  void rotateBack(float[] source, float[] target, Workers workers) {
    multiply(source, back, target, workers);
  }

  private void multiply(float[] source, float[][] matrix, float[] target, Workers workers) {
    int rows = source.length / dim;
    int each = 32 * BLOCK;
    float[][][] inputs = new float[workers.threads()][BLOCK][matrix.length];
    float[][][] outputs = new float[workers.threads()][BLOCK][dim];
    workers.run(
        (rows + each - 1) / each,
        (task, worker) -> {
          int end = Math.min(rows, (task + 1) * each);
          for (int row = task * each; row < end; row += BLOCK) {
            int count = Math.min(BLOCK, end - row);
            for (int r = 0; r < count; r++) {
              System.arraycopy(source, (row + r) * dim, inputs[worker][r], 0, dim);
            }
            multiply(inputs[worker], count, matrix, outputs[worker]);
            for (int r = 0; r < count; r++) {
              System.arraycopy(outputs[worker][r], 0, target, (row + r) * dim, dim);
            }
          }
        });
  }

  private void multiply(float[][] in, int count, float[][] matrix, float[][] out) {
    for (int r = 0; r < count; r++) {
      Arrays.fill(out[r], 0);
    }
    for (int k = 0; k < matrix.length; k += 4) {
      float[] row0 = matrix[k];
      float[] row1 = matrix[k + 1];
      float[] row2 = matrix[k + 2];
      float[] row3 = matrix[k + 3];
      for (int r = 0; r < count; r++) {
        float[] x = in[r];
        MultiplyAdd.add(out[r], row0, row1, row2, row3, x[k], x[k + 1], x[k + 2], x[k + 3], 0, dim);
      }
    }
  }
}
