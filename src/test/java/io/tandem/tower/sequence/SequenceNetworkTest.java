package io.tandem.tower.sequence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.tower.sequence.SequenceShape.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class SequenceNetworkTest {
  private static final int[] ENDS = Sequences.ends(5, 1, 11, 2, 8);

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void transformerEqualsItsFormulas(int heads) {
    SequenceShape shape = new SequenceShape(Kind.TRANSFORMER, 12, 2, heads, 11, 0.5);
    SequenceNetwork network = Sequences.network(shape, 5);
    float[] input = Sequences.normal(ENDS[4] * 12, 6);
    float[] output = Sequences.forward(network, input, ENDS, Mode.INFERENCE);
    NaiveTransformer naive = new NaiveTransformer(network);
    for (int s = 0; s < ENDS.length; s++) {
      int start = s == 0 ? 0 : ENDS[s - 1];
      double[][] expected = naive.forward(input, start, ENDS[s]);
      for (int i = 0; i < expected.length; i++) {
        for (int c = 0; c < 12; c++) {
          assertThat((double) output[(start + i) * 12 + c]).isCloseTo(expected[i][c], within(1e-4));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void positionsSeeNothingBehindThem(Kind kind) {
    SequenceNetwork network = Sequences.network(Sequences.shape(kind, 0), 5);
    int dim = network.shape().dim();
    int[] ends = {11};
    float[] input = Sequences.normal(11 * dim, 6);
    float[] output = Sequences.forward(network, input, ends, Mode.INFERENCE);
    for (int changed = 0; changed < 11; changed++) {
      float[] other = input.clone();
      other[changed * dim] += 1;
      float[] found = Sequences.forward(network, other, ends, Mode.INFERENCE);
      assertThat(Arrays.copyOf(found, changed * dim))
          .isEqualTo(Arrays.copyOf(output, changed * dim));
      assertThat(Arrays.copyOfRange(found, changed * dim, (changed + 1) * dim))
          .isNotEqualTo(Arrays.copyOfRange(output, changed * dim, (changed + 1) * dim));
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void packedSequencesEqualEachAlone(Kind kind) {
    SequenceNetwork network = Sequences.network(Sequences.shape(kind, 0), 5);
    int dim = network.shape().dim();
    float[] input = Sequences.normal(ENDS[4] * dim, 6);
    float[] output = Sequences.forward(network, input, ENDS, Mode.INFERENCE);
    int start = 0;
    for (int end : ENDS) {
      float[] alone =
          Sequences.forward(
              network,
              Arrays.copyOfRange(input, start * dim, end * dim),
              new int[] {end - start},
              Mode.INFERENCE);
      assertClose(alone, Arrays.copyOfRange(output, start * dim, end * dim), 1e-5);
      start = end;
    }
  }

  /** Enough positions for several blocks, with sequences across their borders. */
  @ParameterizedTest
  @EnumSource(Kind.class)
  void gradientsOfPackedSequencesAreSumsOverEachAlone(Kind kind) {
    int dim = 8;
    int layers = kind == Kind.ATTENTION ? 1 : 2;
    SequenceNetwork network = Sequences.network(new SequenceShape(kind, dim, layers, 1, 300, 0), 5);
    int[] ends = Sequences.ends(200, 3, 300, 150, 257);
    float[] input = Sequences.normal(ends[4] * dim, 6);
    float[] byOutput = Sequences.normal(ends[4] * dim, 7);
    float[] byInput = gradients(network, input, byOutput, ends);
    INDArray together = network.network().getFlattenedGradients().dup();
    assertThat(gradients(network, input, byOutput, ends)).isEqualTo(byInput);
    assertThat(network.network().getFlattenedGradients()).isEqualTo(together);

    INDArray sum = together.like();
    int start = 0;
    for (int end : ends) {
      float[] alone =
          gradients(
              network,
              Arrays.copyOfRange(input, start * dim, end * dim),
              Arrays.copyOfRange(byOutput, start * dim, end * dim),
              new int[] {end - start});
      assertClose(alone, Arrays.copyOfRange(byInput, start * dim, end * dim), 1e-4);
      sum.addi(network.network().getFlattenedGradients());
      start = end;
    }
    double scale = together.amaxNumber().doubleValue();
    assertThat(sum.sub(together).amaxNumber().doubleValue()).isLessThan(1e-4 * scale);
  }

  private static float[] gradients(
      SequenceNetwork network, float[] input, float[] byOutput, int[] ends) {
    Sequences.forward(network, input, ends, Mode.TRAINING);
    return Sequences.values(network.backward(Sequences.matrix(byOutput, network.shape().dim())));
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void deeplearning4jsPassesEqualThePackedOnes(Kind kind) {
    SequenceNetwork network = Sequences.network(Sequences.shape(kind, 0), 5);
    int dim = network.shape().dim();
    float[] input = Sequences.normal(ENDS[4] * dim, 6);
    float[] weights = Sequences.normal(ENDS[4] * dim, 7);
    INDArray padded = padded(input, dim);
    INDArray mask = Nd4j.zeros(DataType.FLOAT, ENDS.length, 11);
    for (int s = 0; s < ENDS.length; s++) {
      for (int t = 0; t < ENDS[s] - (s == 0 ? 0 : ENDS[s - 1]); t++) {
        mask.putScalar(s, t, 1);
      }
    }
    float[] output = Sequences.forward(network, input, ENDS, Mode.INFERENCE);
    INDArray byInput = network.backward(Sequences.matrix(weights, dim)).dup();
    INDArray gradient = network.network().getFlattenedGradients().dup();

    INDArray found = network.network().output(padded, false, mask, null);
    assertThat(found.sub(padded(output, dim)).amaxNumber().doubleValue()).isLessThan(1e-5);

    network.network().setLayerMaskArrays(mask, null);
    network.network().setInput(padded);
    network.network().feedForward(true, false);
    var back = network.network().backpropGradient(padded(weights, dim), null);
    assertThat(
            back.getSecond().sub(padded(Sequences.values(byInput), dim)).amaxNumber().doubleValue())
        .isLessThan(1e-4);
    assertThat(back.getFirst().gradient().sub(gradient).amaxNumber().doubleValue())
        .isLessThan(1e-3);
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void trainingContinuesBitForBit(Kind kind) throws IOException {
    SequenceShape shape = Sequences.shape(kind, 0.2);
    SequenceNetwork network = SequenceNetwork.create(shape, Sequences.ADAM, 9);
    train(network, 0, 3);
    Path file = folder.resolve("network.zip");
    network.write(file);
    train(network, 3, 6);

    SequenceNetwork restored = SequenceNetwork.create(shape, Sequences.ADAM, 9);
    restored.read(file);
    train(restored, 3, 6);
    assertThat(Sequences.values(restored.network().params().dup()))
        .isEqualTo(Sequences.values(network.network().params().dup()));
  }

  @ParameterizedTest
  @CsvSource({"TRANSFORMER, 0.7", "GRU, 0.85"})
  void trainingLearnsToRepeatTheFirstItem(Kind kind, double share) {
    SequenceNetwork network = SequenceNetwork.create(Sequences.shape(kind, 0), Sequences.ADAM, 9);
    double before = train(network, 0, 8);
    train(network, 8, 400);
    assertThat(train(network, 0, 8)).isLessThan(share * before);
  }

  @Test
  void masksFollowFromTheIteration() {
    SequenceNetwork network = Sequences.network(Sequences.shape(Kind.TRANSFORMER, 0.5), 5);
    float[] input = Sequences.normal(ENDS[4] * 12, 6);
    float[] first = Sequences.forward(network, input, ENDS, Mode.TRAINING);
    assertThat(Sequences.forward(network, input, ENDS, Mode.TRAINING)).isEqualTo(first);
    network.backward(Sequences.matrix(new float[ENDS[4] * 12], 12));
    network.step(0);
    assertThat(Sequences.forward(network, input, ENDS, Mode.TRAINING)).isNotEqualTo(first);
  }

  @Test
  void rateFactorsScaleTheStep() {
    SequenceShape shape = Sequences.shape(Kind.TRANSFORMER, 0);
    SequenceNetwork full = SequenceNetwork.create(shape, Sequences.ADAM, 9);
    SequenceNetwork half = SequenceNetwork.create(shape, Sequences.ADAM, 9);
    INDArray start = full.network().params().dup();
    step(full, 0, 1);
    step(half, 0, 0.5f);
    INDArray whole = full.network().params().sub(start);
    INDArray part = half.network().params().sub(start);
    assertThat(whole.mul(0.5).sub(part).amaxNumber().doubleValue()).isLessThan(1e-6);
    assertThat(whole.amaxNumber().doubleValue()).isGreaterThan(1e-3);
  }

  @Test
  void sequencesThatDoNotFitAreRefused() {
    SequenceNetwork network = Sequences.network(Sequences.shape(Kind.TRANSFORMER, 0), 5);
    network.input(12);
    assertThatThrownBy(() -> network.forward(new int[] {12}, 1, Mode.INFERENCE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("segment 0 has 12 positions, expected 1 to 11");
    assertThatThrownBy(() -> network.forward(new int[] {5, 5, 12}, 3, Mode.INFERENCE))
        .hasMessageContaining("segment 1 has 0 positions");
    assertThatThrownBy(() -> network.forward(new int[] {5, 11}, 2, Mode.INFERENCE))
        .hasMessageContaining("expected at least 1 and the last to end at position 12");
    assertThatThrownBy(() -> network.input(0)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void parametersThatAreNotFiniteAreNamed() {
    SequenceNetwork network = Sequences.network(Sequences.shape(Kind.TRANSFORMER, 0), 5);
    assertThat(network.firstNonFinite()).isNull();
    network.network().getParam("1_out").putScalar(0, 0, Float.NaN);
    assertThat(network.firstNonFinite()).contains("1_out");
  }

  private static double train(SequenceNetwork network, int from, int to) {
    double loss = 0;
    for (int iteration = from; iteration < to; iteration++) {
      loss += step(network, iteration, 1);
    }
    return loss;
  }

  /** Mean squared distance of outputs from the first item of each sequence. */
  private static double step(SequenceNetwork network, int iteration, float rateFactor) {
    int dim = network.shape().dim();
    float[] input = Sequences.normal(ENDS[4] * dim, 100 + iteration);
    float[] output = Sequences.forward(network, input, ENDS, Mode.TRAINING);
    float[] gradient = new float[output.length];
    double loss = 0;
    int start = 0;
    for (int end : ENDS) {
      for (int i = start * dim; i < end * dim; i++) {
        float difference = output[i] - input[start * dim + i % dim];
        loss += difference * difference / output.length;
        gradient[i] = 2 * difference / output.length;
      }
      start = end;
    }
    network.backward(Sequences.matrix(gradient, dim));
    network.step(rateFactor);
    return loss;
  }

  private static INDArray padded(float[] packed, int dim) {
    INDArray result = Nd4j.zeros(DataType.FLOAT, ENDS.length, dim, 11);
    int start = 0;
    for (int s = 0; s < ENDS.length; s++) {
      for (int i = start; i < ENDS[s]; i++) {
        for (int c = 0; c < dim; c++) {
          result.putScalar(s, c, i - start, packed[i * dim + c]);
        }
      }
      start = ENDS[s];
    }
    return result;
  }

  static void assertClose(float[] found, float[] expected, double tolerance) {
    assertThat(found).hasSameSizeAs(expected);
    for (int i = 0; i < found.length; i++) {
      assertThat((double) found[i]).isCloseTo(expected[i], within(tolerance));
    }
  }
}
