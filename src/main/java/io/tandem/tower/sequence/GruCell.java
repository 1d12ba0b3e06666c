package io.tandem.tower.sequence;

import io.tandem.loss.FastExp;
import java.util.Arrays;

/**
 * A gated recurrent unit's step (Cho et al. 2014): r = σ(a_r + h U_r), z = σ(a_z + h U_z), n =
 * tanh(a_n + (r ⊙ h) U_n), h' = z ⊙ h + (1 − z) ⊙ n, with a = x W + b.
 *
 * @param gates [dim][2 × dim] U_r beside U_z
 * @param candidate [dim][dim] U_n
 */
record GruCell(float[][] gates, float[][] candidate) {

  int dim() {
    return candidate.length;
  }

  /**
   * One step.
   *
   * @param a [3 × dim] what the input gives to r, z and n; replaced by r, z and n
   * @param h [dim] the state before
   * @param gated [dim] receives r ⊙ h
   * @param next [dim] receives the state after; another array than {@code h}
   * @param scratch [2 × dim]
   */
  void step(float[] a, float[] h, float[] gated, float[] next, float[] scratch) {
    int dim = dim();
    Rows.addAll(a, gates, h, 2 * dim);
    sigmoid(a, scratch, 2 * dim);
    for (int k = 0; k < dim; k++) {
      gated[k] = a[k] * h[k];
      next[k] = a[2 * dim + k];
    }
    Rows.addAll(next, candidate, gated, dim);
    // tanh(x) = 2 σ(2 x) − 1
    Rows.scale(next, 2, dim);
    sigmoid(next, scratch, dim);
    for (int k = 0; k < dim; k++) {
      float n = 2 * next[k] - 1;
      float z = a[dim + k];
      a[2 * dim + k] = n;
      next[k] = z * h[k] + (1 - z) * n;
    }
  }

  /** From e^−|x|, which cannot overflow. */
  private static void sigmoid(float[] x, float[] scratch, int n) {
    for (int i = 0; i < n; i++) {
      scratch[i] = -Math.abs(x[i]);
    }
    FastExp.exp(scratch, n, 0);
    for (int i = 0; i < n; i++) {
      float low = scratch[i] / (1 + scratch[i]);
      x[i] = x[i] < 0 ? low : 1 - low;
    }
  }

  /** Its matrices transposed, for the way back: [2 × dim][dim] and [dim][dim]. */
  GruCell transposed() {
    return new GruCell(transposed(gates), transposed(candidate));
  }

  private static float[][] transposed(float[][] matrix) {
    float[][] result = new float[matrix[0].length][matrix.length];
    for (int row = 0; row < matrix.length; row++) {
      for (int column = 0; column < result.length; column++) {
        result[column][row] = matrix[row][column];
      }
    }
    return result;
  }

  /**
   * Back through a step, of {@link #transposed} matrices.
   *
   * @param acts [3 × dim] r, z and n
   * @param h [dim] the state before
   * @param by [dim] gradient by the state after; replaced by that by the state before
   * @param byA [3 × dim] receives the gradient by a
   * @param scratch [2 × dim]
   */
  void back(float[] acts, float[] h, float[] by, float[] byA, float[] scratch) {
    int dim = dim();
    for (int k = 0; k < dim; k++) {
      float z = acts[dim + k];
      float n = acts[2 * dim + k];
      byA[dim + k] = by[k] * (h[k] - n) * z * (1 - z);
      byA[2 * dim + k] = by[k] * (1 - z) * (1 - n * n);
      scratch[k] = byA[2 * dim + k];
      by[k] *= z;
    }
    float[] byGated = byA;
    Arrays.fill(byGated, 0, dim, 0);
    Rows.addAll(byGated, candidate, scratch, dim);
    for (int c = 0; c < dim; c++) {
      float r = acts[c];
      by[c] += byGated[c] * r;
      byA[c] = byGated[c] * h[c] * r * (1 - r);
    }
    Rows.addAll(by, gates, byA, dim);
  }
}
