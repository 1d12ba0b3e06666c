package io.tandem.tower;

import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.gpu.Activation;
import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import org.jspecify.annotations.Nullable;

/**
 * One tower's layers on a device. Parameters lie as in the Deeplearning4j network: layer by layer a
 * matrix [out, in], then its bias; Adam's moments likewise, all means before all squares.
 */
final class DeviceTower implements AutoCloseable {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;

  private final Device device;
  private final TowerShape shape;
  private final Optimizer optimizer;
  private final int[] dims;
  private final Activation[] activations;
  private final Floats parameters;
  private final Floats gradients;
  private final @Nullable Floats moments;

  private int rows;
  private int capacity;
  private Floats input;
  private final Floats[] outputs;

  /** What enters the activation, where that needs it. */
  private final @Nullable Floats[] before;

  private final Floats[] byOutput;
  private Floats normalized;
  private Floats norms;

  /** A tower of at least one layer or none; fresh parameters are 0 until they are pushed. */
  DeviceTower(Device device, TowerShape shape, Optimizer optimizer) {
    this.device = device;
    this.shape = shape;
    this.optimizer = optimizer;
    int layers = shape.isSumAlone() ? 0 : shape.hidden().size() + 1;
    dims = new int[layers + 1];
    dims[0] = shape.inputWidth();
    activations = new Activation[layers];
    for (int l = 0; l < layers; l++) {
      boolean last = l == layers - 1;
      dims[l + 1] = last ? shape.dim() : shape.hidden().get(l);
      activations[l] = last ? Activation.IDENTITY : activation(shape);
    }
    int size = parameterCount();
    parameters = device.floats(size);
    gradients = device.floats(size);
    moments = optimizer.dense() == Optimizer.Dense.ADAM ? device.floats(2L * size) : null;
    outputs = new Floats[layers];
    before = new Floats[layers];
    byOutput = new Floats[layers];
    Floats none = device.floats(0);
    input = none;
    normalized = none;
    norms = none;
    java.util.Arrays.fill(outputs, none);
    java.util.Arrays.fill(byOutput, none);
  }

  private static Activation activation(TowerShape shape) {
    return switch (shape.activation()) {
      case RELU -> Activation.RELU;
      case LEAKY_RELU -> Activation.LEAKY_RELU;
      case TANH -> Activation.TANH;
      case GELU -> Activation.GELU;
    };
  }

  int parameterCount() {
    int count = 0;
    for (int l = 0; l < activations.length; l++) {
      count += (dims[l] + 1) * dims[l + 1];
    }
    return count;
  }

  Floats parameters() {
    return parameters;
  }

  /** [2 × parameters], or null for plain gradient descent. */
  @Nullable Floats moments() {
    return moments;
  }

  /** Where {@link #forward} takes its input from: [rows, input width]. */
  Floats input(int newRows) {
    rows = newRows;
    if (newRows > capacity) {
      allocate(newRows + newRows / 8);
    }
    return input;
  }

  private void allocate(int most) {
    capacity = most;
    input = renewed(input, (long) most * dims[0]);
    for (int l = 0; l < activations.length; l++) {
      long size = (long) most * dims[l + 1];
      outputs[l] = renewed(outputs[l], size);
      byOutput[l] = renewed(byOutput[l], size);
      if (activations[l] == Activation.GELU) {
        before[l] = renewed(before[l], size);
      }
    }
    if (shape.normalize()) {
      normalized = renewed(normalized, (long) most * shape.dim());
      norms = renewed(norms, most);
    }
  }

  private Floats renewed(@Nullable Floats old, long length) {
    if (old != null) {
      device.free(old);
    }
    return device.floats(length);
  }

  /** Output for the input that was placed: [rows, dim]. */
  Floats forward() {
    Floats x = input;
    int at = 0;
    for (int l = 0; l < activations.length; l++) {
      int in = dims[l];
      int out = dims[l + 1];
      device.layer(
          x,
          parameters.slice(at, (long) in * out),
          parameters.slice(at + (long) in * out, out),
          rows,
          in,
          out,
          activations[l],
          before[l],
          outputs[l]);
      x = outputs[l];
      at += (in + 1) * out;
    }
    if (!shape.normalize()) {
      return x;
    }
    device.normalize(x, rows, shape.dim(), normalized, norms);
    return normalized;
  }

  /**
   * Walks back.
   *
   * @param gradient by the output; overwritten
   * @param byInput receives that by the input, [rows, input width]
   */
  void backward(Floats gradient, Floats byInput) {
    if (shape.normalize()) {
      device.normalizeGradient(normalized, norms, rows, shape.dim(), gradient);
    }
    if (activations.length == 0) {
      device.copy(gradient, byInput, (long) rows * shape.dim());
      return;
    }
    Floats g = gradient;
    int at = parameterCount();
    for (int l = activations.length - 1; l >= 0; l--) {
      int in = dims[l];
      int out = dims[l + 1];
      at -= (in + 1) * out;
      if (activations[l] != Activation.IDENTITY) {
        device.activationGradient(g, outputs[l], before[l], (long) rows * out, activations[l]);
      }
      device.weightGradient(
          g,
          l == 0 ? input : outputs[l - 1],
          rows,
          in,
          out,
          gradients.slice(at, (long) in * out),
          gradients.slice(at + (long) in * out, out));
      Floats below = l == 0 ? byInput : byOutput[l - 1];
      device.inputGradient(g, parameters.slice(at, (long) in * out), rows, in, out, below);
      g = below;
    }
  }

  /** All gradients by parameters, for whoever sums them over replicas. */
  Floats gradients() {
    return gradients;
  }

  /**
   * Moves the parameters.
   *
   * @param step from 1
   */
  void update(long step, float rateFactor) {
    boolean adam = moments != null;
    double correction =
        adam
            ? Math.sqrt(1 - Math.pow(BETA2, (double) step)) / (1 - Math.pow(BETA1, (double) step))
            : 1;
    float rate = (float) (optimizer.denseRate() * correction);
    int size = parameterCount();
    if (shape.l2() == 0) {
      if (size > 0) {
        update(0, size, rate, 0, rateFactor);
      }
      return;
    }
    int at = 0;
    for (int l = 0; l < activations.length; l++) {
      int weights = dims[l] * dims[l + 1];
      update(at, weights, rate, (float) shape.l2(), rateFactor);
      update(at + weights, dims[l + 1], rate, 0, rateFactor);
      at += weights + dims[l + 1];
    }
  }

  private void update(int from, int count, float rate, float l2, float factor) {
    Floats both = moments;
    device.denseUpdate(
        parameters.slice(from, count),
        gradients.slice(from, count),
        both == null ? null : both.slice(from, count),
        both == null ? null : both.slice((long) parameterCount() + from, count),
        count,
        rate,
        l2,
        factor);
  }

  @Override
  public void close() {
    for (Floats memory : new Floats[] {parameters, gradients, input, normalized, norms}) {
      device.free(memory);
    }
    if (moments != null) {
      device.free(moments);
    }
    for (int l = 0; l < activations.length; l++) {
      device.free(outputs[l]);
      device.free(byOutput[l]);
      Floats kept = before[l];
      if (kept != null) {
        device.free(kept);
      }
    }
  }
}
