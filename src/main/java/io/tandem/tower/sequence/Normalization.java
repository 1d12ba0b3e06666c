package io.tandem.tower.sequence;

import java.nio.FloatBuffer;
import java.util.Arrays;

/** Layer normalization over channels (Ba et al. 2016), block of positions by block. */
final class Normalization {
  static final float EPSILON = 1e-5f;

  /** Rows of scratch that each of the two passes needs. */
  static final int SCRATCH = 4;

  private final int dim;
  private final Parameter gain;
  private final Parameter bias;
  private final float[] gains;
  private final float[] biases;
  private float[] mean = new float[0];
  private float[] inverse = new float[0];

  /** [block][2 × dim] gradients by gain and bias, added in the order of blocks. */
  private float[][] partial = new float[0][];

  Normalization(Parameter gain, Parameter bias) {
    dim = gain.rows();
    this.gain = gain;
    this.bias = bias;
    gains = new float[dim];
    biases = new float[dim];
  }

  /** Before the forward blocks of a batch. */
  void begin(Packing packing) {
    gain.values().get(0, gains, 0, dim);
    bias.values().get(0, biases, 0, dim);
    if (mean.length < packing.rows()) {
      mean = new float[packing.rows()];
      inverse = new float[packing.rows()];
    }
    if (partial.length < packing.blocks()) {
      partial = new float[packing.blocks()][2 * dim];
    }
  }

  /**
   * Normalises a block in place.
   *
   * @param x rows of scratch; channel c is x[at + c]
   * @param scratch rows from there on are overwritten
   */
  void forward(float[][] x, int at, int scratch, int from, int length) {
    float[] means = x[scratch];
    float[] inverses = x[scratch + 1];
    statistics(x, at, dim, means, inverses, length);
    System.arraycopy(means, 0, mean, from, length);
    System.arraycopy(inverses, 0, inverse, from, length);
    for (int c = 0; c < dim; c++) {
      normalize(x[at + c], means, inverses, gains[c], biases[c], length);
    }
  }

  /**
   * Adds the gradient by a block's input.
   *
   * @param x the input again, channel c at x[at + c]; overwritten
   * @param by gradient by the output, channel c at x[by + c]
   * @param target channel c at x[target + c] is added to
   */
  void backward(float[][] x, int at, int by, int target, int scratch, int block, int length) {
    float[] means = x[scratch];
    float[] inverses = x[scratch + 1];
    float[] sum = x[scratch + 2];
    float[] along = x[scratch + 3];
    System.arraycopy(mean, block * Packing.BLOCK, means, 0, length);
    System.arraycopy(inverse, block * Packing.BLOCK, inverses, 0, length);
    Arrays.fill(sum, 0, length, 0);
    Arrays.fill(along, 0, length, 0);
    float[] sums = partial[block];
    for (int c = 0; c < dim; c++) {
      float[] unit = x[at + c];
      normalize(unit, means, inverses, 1, 0, length);
      float[] gradient = x[by + c];
      sums[c] = Rows.dot(gradient, unit, length);
      sums[dim + c] = Rows.sum(gradient, length);
      Rows.scale(gradient, gains[c], length);
      Rows.add(sum, gradient, 1, 0, length);
      Rows.addProduct(along, gradient, unit, 0, length);
    }
    Rows.scale(sum, 1f / dim, length);
    Rows.scale(along, 1f / dim, length);
    for (int c = 0; c < dim; c++) {
      addGradient(x[target + c], x[by + c], x[at + c], sum, along, inverses, length);
    }
  }

  /** After the backward blocks of a batch. */
  void end(Packing packing) {
    float[] total = new float[2 * dim];
    for (int block = 0; block < packing.blocks(); block++) {
      for (int c = 0; c < total.length; c++) {
        total[c] += partial[block][c];
      }
    }
    FloatBuffer gainGradient = gain.gradients();
    FloatBuffer biasGradient = bias.gradients();
    gainGradient.put(0, total, 0, dim);
    biasGradient.put(0, total, dim, dim);
  }

  /** Mean and inverse deviation over channels of each position. */
  static void statistics(
      float[][] x, int at, int dim, float[] means, float[] inverses, int length) {
    Arrays.fill(means, 0, length, 0);
    for (int c = 0; c < dim; c++) {
      Rows.add(means, x[at + c], 1, 0, length);
    }
    Rows.scale(means, 1f / dim, length);
    Arrays.fill(inverses, 0, length, 0);
    for (int c = 0; c < dim; c++) {
      addSquares(inverses, x[at + c], means, length);
    }
    for (int i = 0; i < length; i++) {
      inverses[i] = (float) (1 / Math.sqrt(inverses[i] / dim + EPSILON));
    }
  }

  static void normalize(
      float[] x, float[] means, float[] inverses, float gain, float bias, int length) {
    for (int i = 0; i < length; i++) {
      x[i] = (x[i] - means[i]) * inverses[i] * gain + bias;
    }
  }

  private static void addSquares(float[] y, float[] x, float[] means, int length) {
    for (int i = 0; i < length; i++) {
      y[i] += (x[i] - means[i]) * (x[i] - means[i]);
    }
  }

  /** With g scaled by the gain: (g − mean(g) − x̂ mean(g x̂)) / deviation. */
  private static void addGradient(
      float[] y,
      float[] gradient,
      float[] unit,
      float[] sum,
      float[] along,
      float[] inverses,
      int length) {
    for (int i = 0; i < length; i++) {
      y[i] += (gradient[i] - sum[i] - unit[i] * along[i]) * inverses[i];
    }
  }
}
