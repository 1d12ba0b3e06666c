package io.tandem.tower;

import com.sun.management.ThreadMXBean;
import io.tandem.config.FeatureSpec.Pooling;
import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.Slot;
import io.tandem.feature.InputSchema.TableShape;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * What does one query through an exported tower 128-256-128-64 cost, and what does it allocate?
 *
 * <p>The input is two table rows of 64. Median and 99th percentile over single calls after warm-up;
 * then all cores embed many rows, as a rebuild does.
 *
 * <pre>scripts/bench.sh io.tandem.tower.ExportedTowerBenchmark</pre>
 */
public final class ExportedTowerBenchmark {
  private static final int CALLS = 200_000;
  private static final int ROWS = 20_000;

  private ExportedTowerBenchmark() {}

  /** Runs the benchmark. */
  public static void main(String[] arguments) throws Exception {
    InputSchema schema =
        new InputSchema(
            List.of(
                new Slot("a", new TableShape("a", 100_000, 64), Pooling.MEAN),
                new Slot("b", new TableShape("b", 100_000, 64), Pooling.MEAN)),
            0);
    TowerShape shape =
        new TowerShape(schema, Combine.CONCAT, List.of(256, 128), 64, Activation.RELU, 0, 0, true);
    Optimizer optimizer =
        new Optimizer(Optimizer.Dense.ADAM, Optimizer.Sparse.ROWWISE_ADAGRAD, 1e-3, 0.05);
    Path folder = Files.createTempDirectory("tower");
    TowerModel.create(shape, shape, optimizer, 1).export(folder);
    ExportedTower tower = ExportedTower.open(folder, ExportedTower.Side.QUERY, schema);
    FeatureBatch batch = new FeatureBatch(schema);
    SplittableRandom random = new SplittableRandom(1);
    for (int row = 0; row < ROWS; row++) {
      for (int slot = 0; slot < 2; slot++) {
        batch.add(slot, random.nextInt(100_000));
        batch.endSlot(slot);
      }
      batch.endRow();
    }
    float[] target = new float[64];
    ExportedTower.Scratch scratch = tower.scratch();
    long[] nanos = new long[CALLS];
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long allocated = 0;
    for (int pass = 0; pass < 2; pass++) {
      allocated = threads.getCurrentThreadAllocatedBytes();
      for (int call = 0; call < CALLS; call++) {
        long start = System.nanoTime();
        tower.embed(batch, call % ROWS, scratch, target);
        nanos[call] = System.nanoTime() - start;
      }
      allocated = threads.getCurrentThreadAllocatedBytes() - allocated;
    }
    Arrays.sort(nanos);
    int cores = Runtime.getRuntime().availableProcessors();
    float[] all = new float[ROWS * 64];
    double best = Double.MAX_VALUE;
    for (int pass = 0; pass < 10; pass++) {
      long start = System.nanoTime();
      tower.embedAll(batch, cores, all);
      best = Math.min(best, (System.nanoTime() - start) / 1e9);
    }
    double macs = 128 * 256 + 256 * 128 + 128 * 64;
    System.out.printf(
        Locale.ROOT,
        "one query: median %.1f µs, p99 %.1f µs, %.2f bytes allocated a call%n"
            + "all cores (%d): %,.0f rows/s, %.1f GFLOP/s%n",
        nanos[CALLS / 2] / 1e3,
        nanos[CALLS * 99 / 100] / 1e3,
        allocated / (double) CALLS,
        cores,
        ROWS / best,
        2 * macs * ROWS / best / 1e9);
  }
}
