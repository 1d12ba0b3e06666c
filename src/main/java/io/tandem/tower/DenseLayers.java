package io.tandem.tower;

import io.tandem.config.ModelConfig.Activation;

/** Dense layers as loops that the JIT turns into vector instructions. */
final class DenseLayers {
  private final Weights weights;

  DenseLayers(Weights weights) {
    this.weights = weights;
  }

  int outputWidth() {
    return weights.dims()[weights.dims().length - 1];
  }

  /** Input and activations of every layer for some rows; [0] is to be filled with the input. */
  float[][] buffers(int rows) {
    float[][] buffers = new float[weights.dims().length][];
    for (int i = 0; i < buffers.length; i++) {
      buffers[i] = new float[rows * weights.dims()[i]];
    }
    return buffers;
  }

  /** Passes rows through all layers, from buffers[0] into [rows × outputWidth] at a place. */
  void apply(float[][] buffers, int rows, float[] target, int at) {
    int layers = weights.matrices().length;
    for (int layer = 0; layer < layers; layer++) {
      int in = weights.dims()[layer];
      int out = weights.dims()[layer + 1];
      float[] result = buffers[layer + 1];
      multiply(
          buffers[layer],
          rows,
          in,
          weights.matrices()[layer],
          weights.biases()[layer],
          result,
          out);
      if (layer + 1 < layers) {
        activate(weights.activation(), result, rows * out);
      }
    }
    finish(buffers[layers], rows, target, at);
  }

  /** Four inputs at a time: the output is read and written a quarter as often. */
  private static void multiply(
      float[] x, int rows, int in, float[] w, float[] bias, float[] y, int out) {
    for (int row = 0; row < rows; row++) {
      System.arraycopy(bias, 0, y, row * out, out);
    }
    int i = 0;
    for (; i + 3 < in; i += 4) {
      for (int row = 0; row < rows; row++) {
        int from = row * in + i;
        float x0 = x[from];
        float x1 = x[from + 1];
        float x2 = x[from + 2];
        float x3 = x[from + 3];
        if (x0 != 0 || x1 != 0 || x2 != 0 || x3 != 0) {
          addFour(y, row * out, w, i * out, out, x0, x1, x2, x3);
        }
      }
    }
    for (; i < in; i++) {
      for (int row = 0; row < rows; row++) {
        float x0 = x[row * in + i];
        int to = row * out;
        int from = i * out;
        for (int j = 0; j < out; j++) {
          y[to + j] += x0 * w[from + j];
        }
      }
    }
  }

  private static void addFour(
      float[] y, int to, float[] w, int from, int out, float x0, float x1, float x2, float x3) {
    int second = from + out;
    int third = second + out;
    int fourth = third + out;
    for (int j = 0; j < out; j++) {
      y[to + j] += x0 * w[from + j] + x1 * w[second + j] + x2 * w[third + j] + x3 * w[fourth + j];
    }
  }

  private static void activate(Activation activation, float[] values, int count) {
    switch (activation) {
      case RELU -> {
        for (int i = 0; i < count; i++) {
          values[i] = Math.max(0, values[i]);
        }
      }
      case LEAKY_RELU -> {
        for (int i = 0; i < count; i++) {
          values[i] = values[i] < 0 ? 0.01f * values[i] : values[i];
        }
      }
      case TANH -> {
        for (int i = 0; i < count; i++) {
          values[i] = (float) Math.tanh(values[i]);
        }
      }
      case GELU -> {
        // Deeplearning4j's: x sigmoid(1.702 x) (Hendrycks and Gimpel 2016, section 2).
        for (int i = 0; i < count; i++) {
          values[i] = (float) (values[i] / (1 + Math.exp(-1.702 * values[i])));
        }
      }
    }
  }

  private void finish(float[] last, int rows, float[] target, int at) {
    int dim = outputWidth();
    for (int row = 0; row < rows; row++) {
      int from = row * dim;
      float inverse = weights.normalize() ? 1 / Tower.norm(last, from, dim) : 1;
      for (int i = 0; i < dim; i++) {
        target[at + from + i] = last[from + i] * inverse;
      }
    }
  }
}
