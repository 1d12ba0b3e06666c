package io.tandem.tower.sequence;

import io.tandem.loss.FastExp;
import java.util.Arrays;

/**
 * Scaled dot-product attention of one head over one sequence, position i seeing only j ≤ i (Vaswani
 * et al. 2017). One thread at a time.
 *
 * <p>Every matrix is [channel][position]; scores are kept transposed, [j][i], so that softmax needs
 * no sums along a row. The backward pass computes the probabilities again from each position's log
 * of summed exponentials (Dao et al. 2022): keeping them would take memory quadratic in length.
 */
final class CausalAttention {
  private static final int GROUP = 4;

  final float[][] q;
  final float[][] k;
  final float[][] v;
  final float[][] out;
  final float[][] byQ;
  final float[][] byK;
  final float[][] byV;
  final float[][] byOut;

  /** [position] log Σ_j e^score; written forward, read backward. */
  final float[] logSum;

  private final int width;
  private final float scale;

  /** [j][i]: scores, then probabilities. */
  private final float[][] probabilities;

  private final float[][] byScore;

  /** [i][j]: one of the two above, transposed. */
  private final float[][] transposed;

  private final float[] sums;

  /**
   * @param mode TRAINING for both passes, INFERENCE for the forward pass alone
   * @param width channels of the head
   * @param maxLength most positions
   */
  CausalAttention(Mode mode, int width, int maxLength) {
    int back = mode == Mode.TRAINING ? width : 0;
    int backLength = mode == Mode.TRAINING ? maxLength : 0;
    this.width = width;
    scale = (float) (1 / Math.sqrt(width));
    q = new float[width][maxLength];
    k = new float[width][maxLength];
    v = new float[width][maxLength];
    out = new float[width][maxLength];
    byQ = new float[back][maxLength];
    byK = new float[back][maxLength];
    byV = new float[back][maxLength];
    byOut = new float[back][maxLength];
    logSum = new float[maxLength];
    sums = new float[maxLength];
    probabilities = new float[maxLength][maxLength];
    byScore = new float[backLength][maxLength];
    transposed = new float[backLength][maxLength];
  }

  /** From q, k and v of n positions to out and logSum; scales q. */
  void forward(int n) {
    float[] max = logSum;
    Arrays.fill(max, 0, n, Float.NEGATIVE_INFINITY);
    scores(n);
    for (int j = 0; j < n; j++) {
      Rows.max(max, probabilities[j], j, n);
    }
    Arrays.fill(sums, 0, n, 0);
    for (int j = 0; j < n; j++) {
      FastExp.exp(probabilities[j], max, j, n);
      Rows.add(sums, probabilities[j], 1, j, n);
    }
    for (int c = 0; c < width; c++) {
      Arrays.fill(out[c], 0, n, 0);
      addGroups(out[c], probabilities, v[c], n);
    }
    for (int i = 0; i < n; i++) {
      max[i] += (float) Math.log(sums[i]);
      sums[i] = 1 / sums[i];
    }
    for (int c = 0; c < width; c++) {
      Rows.multiply(out[c], sums, n);
    }
  }

  /** From q, k, v, out, logSum and byOut of n positions to byQ, byK and byV; scales q. */
  void backward(int n) {
    scores(n);
    float[] along = sums;
    Arrays.fill(along, 0, n, 0);
    for (int c = 0; c < width; c++) {
      Rows.addProduct(along, out[c], byOut[c], 0, n);
    }
    for (int j = 0; j < n; j++) {
      FastExp.exp(probabilities[j], logSum, j, n);
      float[] row = byScore[j];
      Arrays.fill(row, groupOf(j), n, 0);
      Rows.addColumn(row, byOut, v, j, width, j, n);
      throughSoftmax(row, probabilities[j], along, j, n);
    }
    for (int c = 0; c < width; c++) {
      Arrays.fill(byQ[c], 0, n, 0);
      addGroups(byQ[c], byScore, k[c], n);
      Rows.scale(byQ[c], scale, n);
    }
    transpose(probabilities, n);
    for (int c = 0; c < width; c++) {
      Arrays.fill(byV[c], 0, n, 0);
      addTransposedGroups(byV[c], byOut[c], n);
    }
    transpose(byScore, n);
    for (int c = 0; c < width; c++) {
      Arrays.fill(byK[c], 0, n, 0);
      addTransposedGroups(byK[c], q[c], n);
    }
  }

  /** Scores of i ≥ j; 0 from the start of j's group to j. */
  private void scores(int n) {
    for (int c = 0; c < width; c++) {
      Rows.scale(q[c], scale, n);
    }
    for (int j = 0; j < n; j++) {
      float[] row = probabilities[j];
      Arrays.fill(row, groupOf(j), n, 0);
      Rows.addColumn(row, q, k, j, width, j, n);
    }
  }

  /** ∂L/∂s_ij = p_ij (∂L/∂p_ij − Σ_j' p_ij' ∂L/∂p_ij'). */
  private static void throughSoftmax(float[] row, float[] p, float[] along, int from, int to) {
    for (int i = from; i < to; i++) {
      row[i] = p[i] * (row[i] - along[i]);
    }
  }

  private static int groupOf(int j) {
    return j & -GROUP;
  }

  /** y[i] += Σ_{j ≤ i} weights[j] matrix[j][i]. */
  private static void addGroups(float[] y, float[][] matrix, float[] weights, int n) {
    int j = 0;
    for (; j + 3 < n; j += GROUP) {
      Rows.add(
          y,
          matrix[j],
          matrix[j + 1],
          matrix[j + 2],
          matrix[j + 3],
          weights[j],
          weights[j + 1],
          weights[j + 2],
          weights[j + 3],
          j,
          n);
    }
    for (; j < n; j++) {
      Rows.add(y, matrix[j], weights[j], j, n);
    }
  }

  /** y[j] += Σ_{i ≥ j} weights[i] transposed[i][j]. */
  private void addTransposedGroups(float[] y, float[] weights, int n) {
    int i = 0;
    for (; i + 3 < n; i += GROUP) {
      Rows.add(
          y,
          transposed[i],
          transposed[i + 1],
          transposed[i + 2],
          transposed[i + 3],
          weights[i],
          weights[i + 1],
          weights[i + 2],
          weights[i + 3],
          0,
          i + GROUP);
    }
    for (; i < n; i++) {
      Rows.add(y, transposed[i], weights[i], 0, i + 1);
    }
  }

  private void transpose(float[][] matrix, int n) {
    int j = 0;
    for (; j + 3 < n; j += GROUP) {
      transposeGroup(matrix[j], matrix[j + 1], matrix[j + 2], matrix[j + 3], j, n);
    }
    for (; j < n; j++) {
      for (int i = j; i < n; i++) {
        transposed[i][j] = matrix[j][i];
      }
    }
  }

  private void transposeGroup(float[] m0, float[] m1, float[] m2, float[] m3, int j, int n) {
    for (int i = j; i < n; i++) {
      float[] row = transposed[i];
      row[j] = m0[i];
      row[j + 1] = m1[i];
      row[j + 2] = m2[i];
      row[j + 3] = m3[i];
    }
  }
}
