package io.tandem.tower;

import io.tandem.config.FeatureSpec.Pooling;
import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.Slot;
import io.tandem.feature.InputSchema.TableShape;
import io.tandem.loss.CandidateLoss;
import io.tandem.loss.Candidates;
import io.tandem.loss.Targets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What share of the machine's matrix rate does a training step reach, and does its cost grow with
 * the tables?
 *
 * <p>Two towers 256-256-128-64, batch 4096, four slots of 64 a side in one table each, in-batch
 * softmax with correction and mask. In each round, interleaved: ND4J's own product of 2048²
 * matrices, a step over tables of 10,000 rows and one over tables of 1,000,000. Medians over
 * rounds.
 *
 * <pre>scripts/bench.sh io.tandem.tower.StepBenchmark [ROUNDS]</pre>
 */
public final class StepBenchmark {
  private static final int BATCH = 4096;
  private static final int SLOTS = 4;
  private static final int DIM = 64;
  private static final int PEAK = 2048;

  private StepBenchmark() {}

  /** Towers and inputs over tables of one size. */
  private static final class Subject {
    private final TowerModel model;
    private final FeatureBatch queries;
    private final FeatureBatch items;
    private final CandidateLoss loss = CandidateLoss.softmax(0);
    private final INDArray gradU = Nd4j.create(DataType.FLOAT, BATCH, DIM);
    private final INDArray gradV = Nd4j.create(DataType.FLOAT, BATCH, DIM);
    private final Targets targets;
    private final Candidates candidates;
    private final long[] parts = new long[4];

    Subject(int rows) {
      InputSchema query = schema("query", rows);
      InputSchema item = schema("item", rows);
      model =
          TowerModel.create(
              shape(query),
              shape(item),
              new Optimizer(Optimizer.Dense.ADAM, Optimizer.Sparse.ROWWISE_ADAGRAD, 1e-3, 0.05),
              1);
      queries = batch(query, rows, 2);
      items = batch(item, rows, 3);
      int[] ids = new int[BATCH];
      float[] logQ = new float[BATCH];
      Arrays.setAll(ids, i -> items.ids(0)[i]);
      Arrays.fill(logQ, -9);
      float[] counts = new float[BATCH];
      Arrays.fill(counts, 1);
      candidates = new Candidates(ids, counts, logQ, Candidates.AccidentalHits.MASKED);
      int[] columns = new int[BATCH];
      Arrays.setAll(columns, i -> i);
      targets = Targets.single(columns, null);
    }

    double step() {
      long start = System.nanoTime();
      INDArray u = model.forwardQueries(queries);
      INDArray v = model.forwardItems(items);
      long forward = System.nanoTime();
      loss.compute(u, v, targets, candidates, 0.1, gradU, gradV);
      long losses = System.nanoTime();
      model.step(gradU, gradV, 1);
      long end = System.nanoTime();
      parts[0] += forward - start;
      parts[1] += losses - forward;
      parts[2] += end - losses;
      parts[3]++;
      return (end - start) / 1e6;
    }

    String profile() {
      return String.format(
          Locale.ROOT,
          "forward %.1f ms, loss %.1f ms, backward and update %.1f ms",
          parts[0] / 1e6 / parts[3],
          parts[1] / 1e6 / parts[3],
          parts[2] / 1e6 / parts[3]);
    }
  }

  /** Runs the benchmark. */
  public static void main(String[] arguments) {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 15;
    double macs = 256 * 256 + 256 * 128 + 128 * 64;
    double flops = 6 * BATCH * macs * 2 + 3 * 2.0 * BATCH * BATCH * DIM;
    INDArray a = Nd4j.rand(DataType.FLOAT, PEAK, PEAK);
    INDArray b = Nd4j.rand(DataType.FLOAT, PEAK, PEAK);
    INDArray c = Nd4j.createUninitialized(DataType.FLOAT, new long[] {PEAK, PEAK}, 'f');
    Subject small = new Subject(10_000);
    Subject large = new Subject(1_000_000);
    double[] peak = new double[rounds];
    double[] smallTimes = new double[rounds];
    double[] largeTimes = new double[rounds];
    for (int round = -5; round < rounds; round++) {
      long start = System.nanoTime();
      Nd4j.gemm(a, b, c, false, false, 1, 0);
      double seconds = (System.nanoTime() - start) / 1e9;
      double smallTime = small.step();
      double largeTime = large.step();
      if (round >= 0) {
        peak[round] = 2.0 * PEAK * PEAK * PEAK / seconds / 1e9;
        smallTimes[round] = smallTime;
        largeTimes[round] = largeTime;
      }
    }
    double rate = flops / median(largeTimes) / 1e6;
    System.out.printf(
        Locale.ROOT,
        "SGEMM %d²: %.1f GFLOP/s%n"
            + "step over 10k rows: %.1f ms; over 1M rows: %.1f ms; ratio %.3f%n"
            + "  %s%n"
            + "step: %.2f GFLOP, %.1f GFLOP/s, %.0f examples/s, %.0f %% of SGEMM%n",
        PEAK,
        median(peak),
        median(smallTimes),
        median(largeTimes),
        median(largeTimes) / median(smallTimes),
        large.profile(),
        flops / 1e9,
        rate,
        BATCH * 1e3 / median(largeTimes),
        100 * rate / median(peak));
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static TowerShape shape(InputSchema input) {
    return new TowerShape(
        input, Combine.CONCAT, List.of(256, 128), DIM, Activation.RELU, 0, 0, true);
  }

  private static InputSchema schema(String side, int rows) {
    Slot[] slots = new Slot[SLOTS];
    for (int slot = 0; slot < SLOTS; slot++) {
      slots[slot] =
          new Slot("f" + slot, new TableShape(side + "." + slot, rows, DIM), Pooling.MEAN);
    }
    return new InputSchema(List.of(slots), 0);
  }

  private static FeatureBatch batch(InputSchema schema, int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    FeatureBatch batch = new FeatureBatch(schema);
    for (int row = 0; row < BATCH; row++) {
      for (int slot = 0; slot < SLOTS; slot++) {
        batch.add(slot, random.nextInt(rows));
        batch.endSlot(slot);
      }
      batch.endRow();
    }
    return batch;
  }
}
