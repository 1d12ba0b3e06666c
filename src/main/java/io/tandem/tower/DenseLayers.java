package io.tandem.tower;

import io.tandem.config.ModelConfig.Activation;

/**
 * Dense layers over one row, as loops that the JIT turns into vector instructions; what {@link
 * BlasLayers} shares with them.
 */
final class DenseLayers {
  private final Weights weights;

  DenseLayers(Weights weights) {
    this.weights = weights;
  }

  Weights weights() {
    return weights;
  }

  int outputWidth() {
    return weights.dims()[weights.dims().length - 1];
  }

  /** Input and activations of every layer for one row; [0] is to be filled with the input. */
  float[][] buffers() {
    float[][] buffers = new float[weights.dims().length][];
    for (int i = 0; i < buffers.length; i++) {
      buffers[i] = new float[weights.dims()[i]];
    }
    return buffers;
  }

  /** Passes a row through all layers, from buffers[0] into [outputWidth]. */
  void apply(float[][] buffers, float[] target) {
    int layers = weights.matrices().length;
    for (int layer = 0; layer < layers; layer++) {
      float[] result = buffers[layer + 1];
      multiply(buffers[layer], weights.matrices()[layer], weights.biases()[layer], result);
      if (layer + 1 < layers) {
        activate(weights.activation(), result, result.length);
      }
    }
    finish(weights, buffers[layers], 1, target, 0);
  }

  /** Four inputs at a time: the output is read and written a quarter as often. */
  private static void multiply(float[] x, float[] w, float[] bias, float[] y) {
    int in = x.length;
    int out = y.length;
    System.arraycopy(bias, 0, y, 0, out);
    int i = 0;
    for (; i + 3 < in; i += 4) {
      float x0 = x[i];
      float x1 = x[i + 1];
      float x2 = x[i + 2];
      float x3 = x[i + 3];
      if (x0 != 0 || x1 != 0 || x2 != 0 || x3 != 0) {
        addFour(y, w, i * out, x0, x1, x2, x3);
      }
    }
    for (; i < in; i++) {
      float x0 = x[i];
      int from = i * out;
      for (int j = 0; j < out; j++) {
        y[j] += x0 * w[from + j];
      }
    }
  }

  private static void addFour(
      float[] y, float[] w, int from, float x0, float x1, float x2, float x3) {
    int out = y.length;
    int second = from + out;
    int third = second + out;
    int fourth = third + out;
    for (int j = 0; j < out; j++) {
      y[j] += x0 * w[from + j] + x1 * w[second + j] + x2 * w[third + j] + x3 * w[fourth + j];
    }
  }

  static void activate(Activation activation, float[] values, int count) {
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

  /** Puts the last layer's values where they are wanted, scaled where the tower does that. */
  static void finish(Weights weights, float[] last, int rows, float[] target, int at) {
    int dim = weights.dims()[weights.dims().length - 1];
    for (int row = 0; row < rows; row++) {
      int from = row * dim;
      float inverse = weights.normalize() ? 1 / Tower.norm(last, from, dim) : 1;
      for (int i = 0; i < dim; i++) {
        target[at + from + i] = last[from + i] * inverse;
      }
    }
  }
}
