package io.tandem.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The reference's gradients are those of its own values, by central differences. */
final class ReferenceTest {
  private static final Device DEVICE = new ReferenceDevice();

  @ParameterizedTest
  @CsvSource({"1,3,2,1", "9,14,5,1", "12,10,4,3"})
  void softmaxGradientsAreThoseOfItsLoss(int rows, int candidates, int dim, int positives) {
    SoftmaxCase problem = SoftmaxCase.random(rows, candidates, dim, positives, 11L * rows);
    float[][] gradients = problem.run(DEVICE);
    ToDoubleFunction<Device> loss = device -> problem.run(device)[2][0];

    matches(gradients[0], problem.u, loss);
    matches(gradients[1], problem.v, loss);
    double along = 0;
    for (int i = 0; i < problem.u.length; i++) {
      along += problem.u[i] * (double) gradients[0][i];
    }
    assertThat((double) gradients[2][1]).isCloseTo(along, Offset.offset(1e-5));
  }

  @ParameterizedTest
  @EnumSource(Activation.class)
  void layerGradientsAreThoseOfItsOutput(Activation activation) {
    int rows = 5;
    int in = 4;
    int width = 3;
    SplittableRandom random = new SplittableRandom(activation.code);
    float[] x = KernelsTest.floats(random, rows * in);
    float[] w = KernelsTest.floats(random, width * in);
    float[] bias = KernelsTest.floats(random, width);
    float[] direction = KernelsTest.floats(random, rows * width);
    Floats before = DEVICE.floats((long) rows * width);
    Floats out = DEVICE.floats((long) rows * width);
    Floats unit = DEVICE.floats((long) rows * width);
    Floats norms = DEVICE.floats(rows);
    ToDoubleFunction<Device> value =
        device -> {
          device.layer(on(x), on(w), on(bias), rows, in, width, activation, before, out);
          device.normalize(out, rows, width, unit, norms);
          float[] y = off(unit);
          double sum = 0;
          for (int i = 0; i < y.length; i++) {
            sum += y[i] * (double) direction[i];
          }
          return sum;
        };
    // Fills what the gradients begin with.
    assertThat(value.applyAsDouble(DEVICE)).isFinite();
    Floats gradient = on(direction);
    DEVICE.normalizeGradient(unit, norms, rows, width, gradient);
    DEVICE.activationGradient(gradient, out, before, (long) rows * width, activation);
    Floats byX = DEVICE.floats((long) rows * in);
    Floats byW = DEVICE.floats((long) width * in);
    Floats byBias = DEVICE.floats(width);
    DEVICE.inputGradient(gradient, on(w), rows, in, width, byX);
    DEVICE.weightGradient(gradient, on(x), rows, in, width, byW, byBias);
    float[] expectedX = off(byX);
    float[] expectedW = off(byW);
    float[] expectedBias = off(byBias);

    matches(expectedX, x, value);
    matches(expectedW, w, value);
    matches(expectedBias, bias, value);
  }

  @Test
  void aRowMovesAgainstTheGradientOfWhatItIsPooledInto() {
    int dim = 3;
    float[] table = {1, 2, 3, 4, 5, 6};
    int[] ids = {1, 0, 1};
    float[] weights = {0.5f, 0.5f, 2};
    float[] direction = {1, -1, 0.5f, 2, 0, 1};
    Upload upload = DEVICE.upload();
    Ints there = upload.put(ids, 3);
    Ints sources = upload.put(new int[] {0, 0, 3}, 3);
    Ints offsets = upload.put(new int[] {0, 2, 3}, 3);
    Ints columns = upload.put(new int[1], 1);
    Floats factors = upload.put(weights, 3);
    ToDoubleFunction<Device> value =
        device -> {
          Floats out = device.floats(2L * dim);
          device.gatherPool(
              new Gather(on(table), dim, columns, offsets, there, factors, 2, out, dim, false));
          float[] pooled = off(out);
          double sum = 0;
          for (int i = 0; i < pooled.length; i++) {
            sum += pooled[i] * (double) direction[i];
          }
          return sum;
        };
    // Row-wise Adagrad from a state of 0 moves a row by rate × g / root mean square of g.
    Floats moved = on(table);
    Floats first = DEVICE.floats(2);
    DEVICE.updateRows(
        new RowUpdate(moved, first, null, 2, dim, 3, there, sources, factors, on(direction), 0.1f));
    float[] after = off(moved);
    float[] squares = off(first);
    float[] gradient = new float[table.length];
    for (int i = 0; i < gradient.length; i++) {
      gradient[i] = (float) ((table[i] - after[i]) / 0.1 * Math.sqrt(squares[i / dim]));
    }

    matches(gradient, table, value);
  }

  /** Central differences of a value by each number of an array that it is computed from. */
  private static void matches(float[] gradient, float[] by, ToDoubleFunction<Device> value) {
    for (int i = 0; i < by.length; i++) {
      float before = by[i];
      float step = 1e-2f;
      by[i] = before + step;
      double above = value.applyAsDouble(DEVICE);
      double up = by[i];
      by[i] = before - step;
      double below = value.applyAsDouble(DEVICE);
      double width = up - by[i];
      by[i] = before;
      assertThat((double) gradient[i])
          .as("number %d of %s", i, Arrays.toString(gradient))
          .isCloseTo((above - below) / width, Offset.offset(2e-3));
    }
  }

  private static Floats on(float[] values) {
    Floats memory = DEVICE.floats(values.length);
    DEVICE.write(values, 0, values.length, memory);
    return memory;
  }

  private static float[] off(Floats memory) {
    float[] values = new float[(int) memory.length()];
    DEVICE.read(memory, values, 0, values.length);
    return values;
  }
}
