package io.tandem.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.loss.InBatchSoftmax.Batch;
import io.tandem.loss.InBatchSoftmax.Result;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class InBatchSoftmaxTest {
  private static final double STEP = 1e-6;

  @Property(tries = 25)
  void gradientsEqualCentralDifferences(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 7) int n,
      @ForAll @IntRange(min = 1, max = 5) int dim,
      @ForAll boolean correction,
      @ForAll boolean weighted,
      @ForAll boolean mask) {
    Random random = new Random(seed);
    INDArray u = matrix(random, n, dim);
    INDArray v = matrix(random, n, dim);
    Batch batch = batch(random, n, correction, weighted, mask);
    double temperature = 0.3 + random.nextDouble();
    InBatchSoftmax loss = new InBatchSoftmax();
    INDArray gradU = Nd4j.create(DataType.DOUBLE, n, dim);
    INDArray gradV = Nd4j.create(DataType.DOUBLE, n, dim);

    Result result = loss.compute(u, v, batch, temperature, gradU, gradV);

    assertThat(result.loss()).isCloseTo(slowLoss(u, v, batch, temperature), within(1e-10));
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < dim; j++) {
        assertThat(gradU.getDouble(i, j))
            .isCloseTo(difference(u, i, j, u, v, batch, temperature), within(1e-7));
        assertThat(gradV.getDouble(i, j))
            .isCloseTo(difference(v, i, j, u, v, batch, temperature), within(1e-7));
      }
    }
    double byTemperature =
        (slowLoss(u, v, batch, temperature + STEP) - slowLoss(u, v, batch, temperature - STEP))
            / (2 * STEP);
    assertThat(result.temperatureGradient()).isCloseTo(byTemperature, within(1e-6));
  }

  @Test
  void singlePrecisionAgreesWithDoubleOverSeveralTiles() {
    int n = 1500;
    int dim = 8;
    Random random = new Random(3);
    INDArray u = matrix(random, n, dim);
    INDArray v = matrix(random, n, dim);
    Batch batch = batch(random, n, true, true, true);
    INDArray gradU = Nd4j.create(DataType.DOUBLE, n, dim);
    INDArray gradV = Nd4j.create(DataType.DOUBLE, n, dim);
    Result expected = new InBatchSoftmax().compute(u, v, batch, 0.2, gradU, gradV);
    INDArray floatU = Nd4j.create(DataType.FLOAT, n, dim);
    INDArray floatV = Nd4j.create(DataType.FLOAT, n, dim);

    Result found =
        new InBatchSoftmax()
            .compute(
                u.castTo(DataType.FLOAT), v.castTo(DataType.FLOAT), batch, 0.2, floatU, floatV);

    assertThat(InBatchSoftmax.tileRows(n)).isLessThan(n);
    assertThat(found.loss()).isCloseTo(expected.loss(), within(1e-4));
    assertThat(floatU.castTo(DataType.DOUBLE).sub(gradU).amaxNumber().doubleValue())
        .isLessThan(1e-6);
    assertThat(floatV.castTo(DataType.DOUBLE).sub(gradV).amaxNumber().doubleValue())
        .isLessThan(1e-6);
  }

  @Test
  void logitsOfLargeBatchesTakeLittleMemory() {
    for (int n : new int[] {2, 1024, 4096, 16_384, 65_536}) {
      assertThat(4L * n * InBatchSoftmax.tileRows(n)).isLessThan(64L << 20);
    }
  }

  @Test
  void lowTemperaturesStayFinite() {
    INDArray u = Nd4j.ones(DataType.FLOAT, 3, 2);
    INDArray gradient = Nd4j.create(DataType.FLOAT, 3, 2);
    Batch batch = new Batch(new int[] {0, 1, 2}, null, null, true);

    Result result = new InBatchSoftmax().compute(u, u, batch, 0.001, gradient, gradient.dup());

    assertThat(result.loss()).isCloseTo(Math.log(3), within(1e-5));
  }

  @Test
  void aBatchWithoutWeightHasNoLossAndNoGradient() {
    INDArray u = Nd4j.ones(DataType.FLOAT, 2, 2);
    INDArray gradient = Nd4j.ones(DataType.FLOAT, 2, 2);
    Batch batch = new Batch(new int[] {0, 1}, null, new float[] {0, 0}, true);

    Result result = new InBatchSoftmax().compute(u, u, batch, 1, gradient, gradient);

    assertThat(result.loss()).isZero();
    assertThat(gradient.sumNumber().doubleValue()).isZero();
  }

  @Test
  void whatIsNotFiniteIsNamed() {
    INDArray u = Nd4j.ones(DataType.FLOAT, 2, 2);
    INDArray v = Nd4j.ones(DataType.FLOAT, 2, 2);
    v.putScalar(1, 1, Float.NaN);
    Batch batch = new Batch(new int[] {0, 1}, null, null, true);
    InBatchSoftmax loss = new InBatchSoftmax();

    assertThatThrownBy(() -> loss.compute(u, v, batch, 1, u.dup(), v.dup()))
        .isInstanceOf(NonFiniteException.class)
        .hasMessageContaining("an item embedding is not finite");
  }

  @Property(tries = 200)
  void fastExponentialIsAccurate(@ForAll int bits) {
    float x = -Math.abs((float) (bits / 6.8e7));
    float[] values = {x + 3};

    FastExp.exp(values, 1, 3);

    assertThat(values[0] / Math.exp(x)).isCloseTo(1, within(1e-5));
  }

  private static double difference(
      INDArray parameter, int i, int j, INDArray u, INDArray v, Batch batch, double temperature) {
    double value = parameter.getDouble(i, j);
    parameter.putScalar(i, j, value + STEP);
    double above = slowLoss(u, v, batch, temperature);
    parameter.putScalar(i, j, value - STEP);
    double below = slowLoss(u, v, batch, temperature);
    parameter.putScalar(i, j, value);
    return (above - below) / (2 * STEP);
  }

  /** The definition, term by term. */
  private static double slowLoss(INDArray u, INDArray v, Batch batch, double temperature) {
    int n = batch.items().length;
    double loss = 0;
    double weights = 0;
    for (int i = 0; i < n; i++) {
      double denominator = 0;
      double own = 0;
      for (int j = 0; j < n; j++) {
        if (j != i && batch.maskAccidentalHits() && batch.items()[i] == batch.items()[j]) {
          continue;
        }
        double logit = 0;
        for (int d = 0; d < u.size(1); d++) {
          logit += u.getDouble(i, d) * v.getDouble(j, d) / temperature;
        }
        float[] logQ = batch.logQ();
        logit -= logQ == null ? 0 : logQ[j];
        denominator += Math.exp(logit);
        own = i == j ? logit : own;
      }
      float[] given = batch.weights();
      double weight = given == null ? 1 : given[i];
      loss += weight * (Math.log(denominator) - own);
      weights += weight;
    }
    return weights == 0 ? 0 : loss / weights;
  }

  private static Batch batch(
      Random random, int n, boolean correction, boolean weighted, boolean mask) {
    int[] items = new int[n];
    float[] logQ = new float[n];
    float[] weights = new float[n];
    for (int i = 0; i < n; i++) {
      items[i] = random.nextInt(Math.max(1, n * 2 / 3));
      logQ[i] = -random.nextFloat() * 3;
      weights[i] = random.nextFloat();
    }
    return new Batch(items, correction ? logQ : null, weighted ? weights : null, mask);
  }

  private static INDArray matrix(Random random, int rows, int columns) {
    INDArray matrix = Nd4j.create(DataType.DOUBLE, rows, columns);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        matrix.putScalar(i, j, random.nextGaussian());
      }
    }
    return matrix;
  }
}
