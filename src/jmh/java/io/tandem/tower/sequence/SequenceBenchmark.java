package io.tandem.tower.sequence;

import io.tandem.config.TrainingConfig.Optimizer;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What share of the machine's matrix rate does a training step of a sequence encoder reach?
 *
 * <p>128 sequences of 200, forward, backward and Adam's step with dropout 0.2, beside ND4J's own
 * product of 2048² matrices in the same round. Counted are the products that the model's formulas
 * need, causal attention's half; medians over rounds.
 *
 * <pre>scripts/bench.sh io.tandem.tower.sequence.SequenceBenchmark [KIND [ROUNDS]]</pre>
 */
public final class SequenceBenchmark {
  private static final int SEQUENCES = 128;
  private static final int LENGTH = 200;
  private static final int PEAK = 2048;

  private SequenceBenchmark() {}

  /** Runs the benchmark. */
  public static void main(String[] arguments) {
    SequenceShape.Kind kind =
        arguments.length > 0
            ? SequenceShape.Kind.valueOf(arguments[0].toUpperCase(Locale.ROOT))
            : SequenceShape.Kind.TRANSFORMER;
    int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 15;
    for (int dim : new int[] {64, 128}) {
      int layers = kind == SequenceShape.Kind.ATTENTION ? 1 : 2;
      int heads = kind == SequenceShape.Kind.TRANSFORMER ? 2 : 1;
      run(new SequenceShape(kind, dim, layers, heads, LENGTH, 0.2), rounds);
    }
  }

  private static void run(SequenceShape shape, int rounds) {
    SequenceNetwork network =
        SequenceNetwork.create(
            shape,
            new Optimizer(Optimizer.Dense.ADAM, Optimizer.Sparse.ROWWISE_ADAGRAD, 1e-3, 0.05),
            1);
    int positions = SEQUENCES * LENGTH;
    int[] ends = new int[SEQUENCES];
    Arrays.setAll(ends, s -> (s + 1) * LENGTH);
    INDArray outputGradient = normal(positions, shape.dim(), 2);
    network.input(positions).assign(normal(positions, shape.dim(), 3));
    INDArray a = Nd4j.rand(DataType.FLOAT, PEAK, PEAK);
    INDArray b = Nd4j.rand(DataType.FLOAT, PEAK, PEAK);
    INDArray c = Nd4j.createUninitialized(DataType.FLOAT, new long[] {PEAK, PEAK}, 'f');
    double[][] times = new double[4][rounds];
    for (int round = -5; round < rounds; round++) {
      long start = System.nanoTime();
      Nd4j.gemm(a, b, c, false, false, 1, 0);
      long product = System.nanoTime();
      network.forward(ends, SEQUENCES, Mode.TRAINING);
      long forward = System.nanoTime();
      network.backward(outputGradient);
      long backward = System.nanoTime();
      network.step(1);
      long end = System.nanoTime();
      if (round >= 0) {
        times[0][round] = product - start;
        times[1][round] = forward - product;
        times[2][round] = backward - forward;
        times[3][round] = end - backward;
      }
    }
    double peak = 2.0 * PEAK * PEAK * PEAK / median(times[0]);
    double[] steps = new double[rounds];
    Arrays.setAll(steps, i -> times[1][i] + times[2][i] + times[3][i]);
    double rate = flops(shape) / median(steps);
    System.out.printf(
        Locale.ROOT,
        "%s dim %d: %.0f ms a step (forward %.0f, backward %.0f, update %.1f), %.1f GFLOP,"
            + " %.1f GFLOP/s, %.0f %% of SGEMM's %.1f%n",
        shape.kind(),
        shape.dim(),
        median(steps) / 1e6,
        median(times[1]) / 1e6,
        median(times[2]) / 1e6,
        median(times[3]) / 1e6,
        flops(shape) / 1e9,
        rate,
        100 * rate / peak,
        peak);
  }

  /** Forward products, and twice as many backward. */
  private static double flops(SequenceShape shape) {
    double dim = shape.dim();
    double perPosition =
        switch (shape.kind()) {
          case TRANSFORMER -> (4 + 2 * Layout.HIDDEN) * dim * dim + dim * (LENGTH + 1);
          case GRU -> 6 * dim * dim;
          case ATTENTION -> dim * dim + 2 * dim;
        };
    return 3 * 2 * perPosition * SEQUENCES * LENGTH * shape.layers();
  }

  private static INDArray normal(int rows, int columns, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() / Math.sqrt(columns));
    }
    INDArray matrix = Nd4j.create(DataType.FLOAT, rows, columns);
    matrix.data().asNioFloat().put(0, values);
    return matrix;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
