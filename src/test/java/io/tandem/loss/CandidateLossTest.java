package io.tandem.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.loss.CandidateLoss.Result;
import io.tandem.loss.Candidates.AccidentalHits;
import java.util.Arrays;
import java.util.Random;
import java.util.function.DoubleSupplier;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class CandidateLossTest {
  private static final double STEP = 1e-6;

  @Property(tries = 60)
  void softmaxAndItsGradientsEqualTheDefinition(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 7) int n,
      @ForAll @IntRange(min = 1, max = 9) int m,
      @ForAll @IntRange(min = 1, max = 5) int dim,
      @ForAll AccidentalHits hits,
      @ForAll boolean correction,
      @ForAll boolean smoothed) {
    Random random = new Random(seed);
    double[][] u = matrix(random, n, dim);
    double[][] v = matrix(random, m, dim);
    Candidates candidates = candidates(random, m, correction, hits);
    Targets targets = targets(random, n, candidates);
    double temperature = 0.3 + random.nextDouble();
    double smoothing = smoothed ? 0.2 : 0;

    Found found = compute(CandidateLoss.softmax(smoothing), u, v, targets, candidates, temperature);

    DoubleSupplier slow =
        () -> CandidateLossReference.softmax(u, v, targets, candidates, temperature, smoothing);
    assertThat(found.result().loss()).isCloseTo(slow.getAsDouble(), within(2e-4));
    assertGradient(found.gradU(), u, slow);
    assertGradient(found.gradV(), v, slow);
    if (smoothing == 0) {
      double above =
          CandidateLossReference.softmax(u, v, targets, candidates, temperature + STEP, 0);
      double below =
          CandidateLossReference.softmax(u, v, targets, candidates, temperature - STEP, 0);
      assertThat(found.result().temperatureGradient())
          .isCloseTo((above - below) / (2 * STEP), within(2e-3));
    }
  }

  @Property(tries = 40)
  void contrastiveLossAndItsGradientsEqualTheDefinition(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 7) int n,
      @ForAll @IntRange(min = 1, max = 9) int m,
      @ForAll AccidentalHits hits) {
    Random random = new Random(seed);
    double[][] u = matrix(random, n, 4);
    double[][] v = matrix(random, m, 4);
    Candidates candidates = candidates(random, m, false, hits);
    Targets targets = targets(random, n, candidates);

    Found found = compute(CandidateLoss.cosineContrastive(0.3, 7), u, v, targets, candidates, 1);

    DoubleSupplier slow =
        () -> CandidateLossReference.contrastive(u, v, targets, candidates, 0.3, 7);
    assertThat(found.result().loss()).isCloseTo(slow.getAsDouble(), within(2e-4));
    assertGradient(found.gradU(), u, slow);
    assertGradient(found.gradV(), v, slow);
  }

  @Test
  void columnsThatCountSeveralTimesEqualRepeatedDraws() {
    Random random = new Random(5);
    double[][] u = matrix(random, 3, 4);
    double[][] once = matrix(random, 2, 4);
    double[][] repeated = {once[0], once[1], once[1], once[1]};
    Candidates counted =
        new Candidates(new int[] {7, 8}, new float[] {1, 3}, null, AccidentalHits.MASKED);
    Candidates drawn =
        new Candidates(
            new int[] {7, 8, 8, 8}, new float[] {1, 1, 1, 1}, null, AccidentalHits.MASKED);
    Targets targets = Targets.single(new int[] {0, 1, 0}, null);

    double expected =
        compute(CandidateLoss.softmax(0), u, repeated, targets, drawn, 0.5).result().loss();

    assertThat(compute(CandidateLoss.softmax(0), u, once, targets, counted, 0.5).result().loss())
        .isCloseTo(expected, within(1e-5));
  }

  @Test
  void manyTilesEqualTheDefinition() {
    int n = 1500;
    int m = 1200;
    Random random = new Random(3);
    double[][] u = matrix(random, n, 8);
    double[][] v = matrix(random, m, 8);
    Candidates candidates = candidates(random, m, true, AccidentalHits.MASKED);
    Targets targets = targets(random, n, candidates);

    Found found = compute(CandidateLoss.softmax(0), u, v, targets, candidates, 0.7);

    assertThat(CandidateLoss.tileRows(n, m)).isLessThan(n);
    assertThat(found.result().loss())
        .isCloseTo(CandidateLossReference.softmax(u, v, targets, candidates, 0.7, 0), within(1e-4));
  }

  @Test
  void logitsOfLargeBatchesTakeLittleMemory() {
    for (int n : new int[] {2, 1024, 4096, 16_384, 65_536}) {
      assertThat(4L * n * CandidateLoss.tileRows(n, n)).isLessThan(64L << 20);
    }
  }

  @Test
  void lowTemperaturesStayFinite() {
    double[][] ones = {{1, 1}, {1, 1}, {1, 1}};
    Candidates candidates = Candidates.all(3);

    Result result =
        compute(
                CandidateLoss.softmax(0),
                ones,
                ones,
                Targets.single(new int[] {0, 1, 2}, null),
                candidates,
                0.001)
            .result();

    assertThat(result.loss()).isCloseTo(Math.log(3), within(1e-5));
  }

  @Test
  void aBatchWithoutWeightHasNoLossAndNoGradient() {
    double[][] ones = {{1, 1}, {1, 1}};

    Found found =
        compute(
            CandidateLoss.softmax(0),
            ones,
            ones,
            Targets.single(new int[] {0, 1}, new float[] {0, 0}),
            Candidates.all(2),
            1);

    assertThat(found.result().loss()).isZero();
    assertThat(found.gradU().sumNumber().doubleValue()).isZero();
  }

  @Test
  void whatIsNotFiniteIsNamed() {
    double[][] ones = {{1, 1}, {1, 1}};
    double[][] broken = {{1, 1}, {1, Double.NaN}};
    Targets targets = Targets.single(new int[] {0, 1}, null);

    assertThatThrownBy(
            () -> compute(CandidateLoss.softmax(0), ones, broken, targets, Candidates.all(2), 1))
        .isInstanceOf(NonFiniteException.class)
        .hasMessageContaining("an item embedding is not finite");
  }

  @Test
  void targetsOutsideTheCandidatesAreRefused() {
    double[][] ones = {{1, 1}, {1, 1}};

    assertThatThrownBy(
            () ->
                compute(
                    CandidateLoss.softmax(0),
                    ones,
                    ones,
                    Targets.single(new int[] {0, 2}, null),
                    Candidates.all(2),
                    1))
        .hasMessageContaining("expected columns from 0 and below 2, found 2");
  }

  @Property(tries = 200)
  void fastExponentialIsAccurate(@ForAll int bits) {
    float x = -Math.abs((float) (bits / 6.8e7));
    float[] values = {x + 3};

    FastExp.exp(values, 1, 3);

    assertThat(values[0] / Math.exp(x)).isCloseTo(1, within(1e-5));
  }

  private record Found(Result result, INDArray gradU, INDArray gradV) {}

  private static Found compute(
      CandidateLoss loss,
      double[][] u,
      double[][] v,
      Targets targets,
      Candidates candidates,
      double temperature) {
    INDArray gradU = Nd4j.create(DataType.FLOAT, u.length, u[0].length);
    INDArray gradV = Nd4j.create(DataType.FLOAT, v.length, v[0].length);
    Result result =
        loss.compute(floats(u), floats(v), targets, candidates, temperature, gradU, gradV);
    return new Found(result, gradU, gradV);
  }

  private static void assertGradient(INDArray found, double[][] parameter, DoubleSupplier loss) {
    for (int i = 0; i < parameter.length; i++) {
      for (int j = 0; j < parameter[i].length; j++) {
        double value = parameter[i][j];
        parameter[i][j] = value + STEP;
        double above = loss.getAsDouble();
        parameter[i][j] = value - STEP;
        double below = loss.getAsDouble();
        parameter[i][j] = value;
        double expected = (above - below) / (2 * STEP);
        assertThat(found.getDouble(i, j))
            .isCloseTo(expected, within(1e-4 + 1e-3 * Math.abs(expected)));
      }
    }
  }

  private static Candidates candidates(
      Random random, int m, boolean correction, AccidentalHits hits) {
    int[] items = new int[m];
    float[] counts = new float[m];
    float[] logQ = new float[m];
    for (int j = 0; j < m; j++) {
      items[j] = random.nextInt(Math.max(1, m * 2));
      counts[j] = random.nextInt(4);
      logQ[j] = -random.nextFloat() * 3;
    }
    return new Candidates(items, counts, correction ? logQ : null, hits);
  }

  /** Rows of none to three positives, of different items. */
  private static Targets targets(Random random, int n, Candidates candidates) {
    int[] offsets = new int[n + 1];
    int[] columns = new int[3 * n];
    float[] shares = new float[3 * n];
    float[] weights = new float[n];
    for (int row = 0; row < n; row++) {
      int at = offsets[row];
      int positives = random.nextInt(4);
      for (int i = 0; i < positives; i++) {
        int column = random.nextInt(candidates.size());
        boolean fresh = true;
        for (int before = offsets[row]; before < at; before++) {
          fresh &= candidates.items()[columns[before]] != candidates.items()[column];
        }
        if (fresh) {
          columns[at] = column;
          shares[at++] = 1;
        }
      }
      Arrays.fill(shares, offsets[row], at, 1f / Math.max(1, at - offsets[row]));
      offsets[row + 1] = at;
      weights[row] = random.nextFloat() + 0.1f;
    }
    return new Targets(
        offsets, Arrays.copyOf(columns, offsets[n]), shares, random.nextBoolean() ? weights : null);
  }

  private static INDArray floats(double[][] values) {
    return Nd4j.create(values).castTo(DataType.FLOAT).dup('c');
  }

  private static double[][] matrix(Random random, int rows, int columns) {
    double[][] matrix = new double[rows][columns];
    for (double[] row : matrix) {
      Arrays.setAll(row, i -> random.nextGaussian());
    }
    return matrix;
  }
}
