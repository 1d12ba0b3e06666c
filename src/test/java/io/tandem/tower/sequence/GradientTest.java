package io.tandem.tower.sequence;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.deeplearning4j.nn.api.Layer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Gradients against central differences along random directions; losses are summed in double. */
final class GradientTest {
  private static final int[] ENDS = Sequences.ends(5, 1, 11, 2, 8);
  private static final int DIRECTIONS = 6;

  /**
   * A rectifier's kink within a step spoils a difference, and so does rounding over a short one.
   */
  private static final double[] STEPS = {3e-3, 1e-3, 4e-4};

  private static final double TOLERANCE = 1e-2;

  private SequenceNetwork network =
      Sequences.network(Sequences.shape(SequenceShape.Kind.TRANSFORMER, 0), 1);
  private float[] input = new float[0];
  private float[] weights = new float[0];

  @ParameterizedTest
  @CsvSource({
    "TRANSFORMER, 0",
    "TRANSFORMER, 0.3",
    "GRU, 0",
    "GRU, 0.3",
    "ATTENTION, 0",
    "ATTENTION, 0.3"
  })
  void gradientsEqualDifferences(SequenceShape.Kind kind, double dropout) {
    prepare(kind, dropout);
    float[] byInput = backward();
    gradients()
        .forEach(
            (name, gradient) -> {
              INDArray parameter = network.network().getParam(name);
              assertThat(parameterError(parameter, gradient, 1)).as(name).isLessThan(TOLERANCE);
            });
    assertThat(inputError(byInput)).as("input").isLessThan(TOLERANCE);
  }

  @Test
  void wrongGradientsAreNoticed() {
    prepare(SequenceShape.Kind.TRANSFORMER, 0);
    backward();
    gradients()
        .forEach(
            (name, gradient) -> {
              INDArray parameter = network.network().getParam(name);
              assertThat(parameterError(parameter, gradient, 1.05))
                  .as(name)
                  .isGreaterThan(TOLERANCE);
            });
  }

  private void prepare(SequenceShape.Kind kind, double dropout) {
    SequenceShape shape = Sequences.shape(kind, dropout);
    network = Sequences.network(shape, 7);
    int numbers = ENDS[ENDS.length - 1] * shape.dim();
    input = Sequences.normal(numbers, 3);
    weights = Sequences.normal(numbers, 4);
  }

  private float[] backward() {
    Sequences.forward(network, input, ENDS, Mode.TRAINING);
    return Sequences.values(network.backward(Sequences.matrix(weights, network.shape().dim())));
  }

  private double loss(float[] of) {
    float[] output = Sequences.forward(network, of, ENDS, Mode.TRAINING);
    double loss = 0;
    for (int i = 0; i < output.length; i++) {
      loss += (double) output[i] * weights[i];
    }
    return loss;
  }

  /** By each parameter's name, from the last backward pass. */
  private Map<String, INDArray> gradients() {
    Map<String, INDArray> gradients = new TreeMap<>();
    for (Layer layer : network.network().getLayers()) {
      SequenceLayer configuration = (SequenceLayer) layer.conf().getLayer();
      SequenceWeights.views(configuration, layer.getGradientsViewArray())
          .forEach((name, view) -> gradients.put(configuration.getPlace() + "_" + name, view));
    }
    assertThat(gradients).containsOnlyKeys(network.network().paramTable().keySet());
    return gradients;
  }

  /** Worst error over directions, relative to the gradient's length along a direction of it. */
  private double parameterError(INDArray parameter, INDArray gradient, double factor) {
    double worst = 0;
    INDArray saved = parameter.dup();
    double norm = gradient.norm2Number().doubleValue();
    for (int d = 0; d < DIRECTIONS; d++) {
      float[] direction = direction(d, (int) parameter.length(), values(gradient), norm);
      double analytic = factor * along(values(gradient), direction);
      double best = Double.POSITIVE_INFINITY;
      for (double step : STEPS) {
        move(parameter, saved, direction, step);
        double above = loss(input);
        move(parameter, saved, direction, -step);
        double below = loss(input);
        best = Math.min(best, Math.abs((above - below) / (2 * step) - analytic));
      }
      parameter.assign(saved);
      worst = Math.max(worst, best / scale(norm));
    }
    return worst;
  }

  private double inputError(float[] gradient) {
    double worst = 0;
    double norm = Math.sqrt(along(gradient, gradient));
    for (int d = 0; d < DIRECTIONS; d++) {
      float[] direction = direction(d, gradient.length, gradient, norm);
      double analytic = along(gradient, direction);
      double best = Double.POSITIVE_INFINITY;
      for (double step : STEPS) {
        double above = loss(moved(direction, step));
        double below = loss(moved(direction, -step));
        best = Math.min(best, Math.abs((above - below) / (2 * step) - analytic));
      }
      worst = Math.max(worst, best / scale(norm));
    }
    return worst;
  }

  private static double scale(double norm) {
    return Math.max(norm, 1e-2);
  }

  /** Of length 1: the gradient's own first, then between it and random ones. */
  private static float[] direction(int number, int length, float[] gradient, double norm) {
    SplittableRandom random = new SplittableRandom(number);
    double[] drawn = new double[length];
    double squares = 0;
    for (int i = 0; i < length; i++) {
      drawn[i] = gradient[i] / Math.max(norm, 1e-9);
      drawn[i] += number * random.nextGaussian() / Math.sqrt(length);
      squares += drawn[i] * drawn[i];
    }
    float[] direction = new float[length];
    for (int i = 0; i < length; i++) {
      direction[i] = (float) (drawn[i] / Math.sqrt(Math.max(squares, 1e-12)));
    }
    return direction;
  }

  private float[] moved(float[] direction, double step) {
    float[] result = input.clone();
    for (int i = 0; i < result.length; i++) {
      result[i] += (float) (step * direction[i]);
    }
    return result;
  }

  private static void move(INDArray parameter, INDArray from, float[] direction, double step) {
    for (int i = 0; i < direction.length; i++) {
      long row = i % parameter.size(0);
      long column = i / parameter.size(0);
      parameter.putScalar(row, column, from.getDouble(row, column) + step * direction[i]);
    }
  }

  /** Column by column. */
  private static float[] values(INDArray matrix) {
    return Sequences.values(matrix.dup('f'));
  }

  private static double along(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }
}
