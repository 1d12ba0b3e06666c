package io.tandem.tower.sequence;

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
   */
  void step(float[] a, float[] h, float[] gated, float[] next) {
    int dim = dim();
    for (int c = 0; c < dim; c++) {
      Rows.add(a, gates[c], h[c], 0, 2 * dim);
    }
    for (int k = 0; k < 2 * dim; k++) {
      a[k] = (float) (1 / (1 + Math.exp(-a[k])));
    }
    Arrays.fill(next, 0);
    for (int c = 0; c < dim; c++) {
      gated[c] = a[c] * h[c];
      Rows.add(next, candidate[c], gated[c], 0, dim);
    }
    for (int k = 0; k < dim; k++) {
      float n = (float) Math.tanh(a[2 * dim + k] + next[k]);
      float z = a[dim + k];
      a[2 * dim + k] = n;
      next[k] = z * h[k] + (1 - z) * n;
    }
  }

  /**
   * Back through a step.
   *
   * @param acts [3 × dim] r, z and n
   * @param h [dim] the state before
   * @param by [dim] gradient by the state after; replaced by that by the state before
   * @param byA [3 × dim] receives the gradient by a
   * @param scratch [dim]
   */
  void back(float[] acts, float[] h, float[] by, float[] byA, float[] scratch) {
    int dim = dim();
    for (int k = 0; k < dim; k++) {
      float z = acts[dim + k];
      float n = acts[2 * dim + k];
      byA[dim + k] = by[k] * (h[k] - n) * z * (1 - z);
      byA[2 * dim + k] = by[k] * (1 - z) * (1 - n * n);
      by[k] *= z;
    }
    System.arraycopy(byA, 2 * dim, scratch, 0, dim);
    for (int c = 0; c < dim; c++) {
      float byGated = Rows.dot(candidate[c], scratch, dim);
      float r = acts[c];
      byA[c] = byGated * h[c] * r * (1 - r);
      by[c] += byGated * r;
    }
    for (int c = 0; c < dim; c++) {
      by[c] += Rows.dot(gates[c], byA, 2 * dim);
    }
  }
}
