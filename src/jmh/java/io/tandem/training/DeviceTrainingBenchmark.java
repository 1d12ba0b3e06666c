package io.tandem.training;

import io.tandem.config.FeatureSpec.Pooling;
import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.config.SpecReader;
import io.tandem.config.TrainingConfig;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.Slot;
import io.tandem.feature.InputSchema.TableShape;
import io.tandem.gpu.CudaDevice;
import io.tandem.gpu.Precision;
import io.tandem.loss.Candidates;
import io.tandem.tower.TowerModel;
import io.tandem.tower.TowerShape;
import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * How many examples a second does a GPU train on, and does that depend on the size of the tables?
 *
 * <p>Both towers have 8 features, an id and 7 categories, each a row of 64, and layers
 * 512-256-128-64; in-batch softmax with correction and mask, tables by row-wise Adagrad, layers by
 * Adam. The ids' two tables have ROWS rows together. {@code scripts/bench/pytorch_two_tower.py
 * steps} does the same in PyTorch, {@code scripts/bench/gpu_steps.sh} both in turn.
 *
 * <ul>
 *   <li>train: while a batch is trained on, the next is packed and sent on a thread of its own, and
 *       the one after is assembled on another
 *   <li>device: one batch again and again, nothing assembled, packed or sent
 *   <li>assemble, pack: either of the other two alone
 * </ul>
 *
 * <pre>scripts/bench.sh io.tandem.training.DeviceTrainingBenchmark ROWS BATCH[,BATCH...]
 *     [tf32|bf16|fp32] [SECONDS]</pre>
 */
public final class DeviceTrainingBenchmark {
  private static final int DIM = 64;
  private static final int MOST_ENTITIES = 1_000_000;
  private static final int[] CATEGORIES = {16, 32, 64, 128, 256, 512, 1024};
  private static final int WINDOWS = 9;

  private DeviceTrainingBenchmark() {}

  /** Runs the benchmark, or says what is missing. */
  public static void main(String[] arguments) throws Exception {
    int rows = Integer.parseInt(arguments[0]);
    int[] batches =
        Arrays.stream(arguments[1].split(",", -1)).mapToInt(Integer::parseInt).toArray();
    String precision = arguments.length > 2 ? arguments[2] : "tf32";
    double seconds = arguments.length > 3 ? Double.parseDouble(arguments[3]) : 3;
    String missing = CudaDevice.missing();
    if (missing != null) {
      System.out.println("nothing to measure: " + missing);
      return;
    }
    long start = System.nanoTime();
    Side query = new Side("query", rows / 2, 1);
    Side item = new Side("item", rows / 2, 2);
    TrainingConfig config = config(batches[0], precision);
    TowerModel model =
        TowerModel.create(
            shape(query.schema), shape(item.schema), config.optimizer(), config.seed());
    CudaDevice device = CudaDevice.open(0, Precision.valueOf(precision.toUpperCase(Locale.ROOT)));
    long free = device.tableBytes();
    try (DeviceStep step = new DeviceStep(config, model, List.of(device))) {
      System.out.printf(
          Locale.ROOT,
          "%s, tables of %,d rows together, ready after %.1f s%n",
          device.name(),
          rows,
          (System.nanoTime() - start) / 1e9);
      for (int batch : batches) {
        try (Run run = new Run(step, query, item, batch)) {
          run.report(rows, precision, seconds);
        }
        System.out.printf(
            Locale.ROOT, "  %.0f MB of the GPU's memory%n", (free - device.tableBytes()) / 1e6);
      }
    }
  }

  private static TrainingConfig config(int batch, String precision) throws IOException {
    Path file = Files.createTempFile("bench", ".yaml");
    Files.writeString(
        file,
        """
        data:
          interactions: {path: none.csv, query: query, item: item}
        features:
          query: [{name: query, type: id, dim: 64}]
          item: [{name: item, type: id, dim: 64}]
        model: {type: two_tower, dim: 64}
        training: {loss: in_batch_softmax, temperature: 0.1, sampling_correction: exact,
                   accidental_hits: mask, batch: %d, precision: %s,
                   optimizer: {dense: adam, sparse: rowwise_adagrad, dense_rate: 0.001,
                               sparse_rate: 0.05}}
        """
            .formatted(batch, precision));
    TrainingConfig config = SpecReader.read(file, Map.of()).training();
    Files.delete(file);
    return config;
  }

  private static TowerShape shape(InputSchema input) {
    return new TowerShape(
        input, Combine.CONCAT, List.of(256, 128), DIM, Activation.RELU, 0, 0, true);
  }

  /** What there is of one side: entities, and their table rows by feature. */
  private static final class Side {
    final InputSchema schema;
    final FeatureBatch all;
    final int entities;

    Side(String name, int tableRows, long seed) {
      List<Slot> slots = new ArrayList<>();
      slots.add(new Slot(name, new TableShape(name, tableRows, DIM), Pooling.SUM));
      for (int size : CATEGORIES) {
        String feature = name + size;
        slots.add(new Slot(feature, new TableShape(feature, size, DIM), Pooling.SUM));
      }
      schema = new InputSchema(slots, 0);
      all = new FeatureBatch(schema);
      entities = Math.min(tableRows, MOST_ENTITIES);
      SplittableRandom random = new SplittableRandom(seed);
      for (int entity = 0; entity < entities; entity++) {
        all.add(0, entities == tableRows ? entity : random.nextInt(tableRows));
        all.endSlot(0);
        for (int i = 0; i < CATEGORIES.length; i++) {
          all.add(i + 1, random.nextInt(CATEGORIES[i]));
          all.endSlot(i + 1);
        }
        all.endRow();
      }
    }
  }

  /** Batches of one size. */
  private static final class Run implements AutoCloseable {
    private final DeviceStep step;
    private final Side query;
    private final Side item;
    private final int size;
    private final Batch[] buffers;
    private final SplittableRandom random = new SplittableRandom(3);
    private final ExecutorService assembler = Executors.newSingleThreadExecutor();
    private final ExecutorService packer = Executors.newSingleThreadExecutor();
    private final float[] logQ;
    private int buffer;
    private double loss;
    private long candidates;
    private long trained;

    Run(DeviceStep step, Side query, Side item, int size) {
      this.step = step;
      this.query = query;
      this.item = item;
      this.size = size;
      buffers = new Batch[] {empty(), empty(), empty()};
      logQ = new float[item.entities];
      for (int i = 0; i < logQ.length; i++) {
        // The density of the cube of a uniform number.
        double share = (i + 0.5) / item.entities;
        logQ[i] = (float) Math.log(Math.pow(share, -2.0 / 3) / 3 / item.entities);
      }
    }

    private Batch empty() {
      Batch batch = new Batch(new FeatureBatch(query.schema), new FeatureBatch(item.schema));
      batch.offsets = new int[size + 1];
      Arrays.setAll(batch.offsets, i -> i);
      batch.targets = new int[size];
      batch.shares = new float[size];
      Arrays.fill(batch.shares, 1);
      return batch;
    }

    /** As Batcher and CandidateSampler do it. */
    private Batch assemble() {
      buffer = (buffer + 1) % buffers.length;
      Batch batch = buffers[buffer];
      batch.queries.clear();
      batch.candidates.clear();
      Int2IntOpenHashMap columns = new Int2IntOpenHashMap(size);
      columns.defaultReturnValue(-1);
      int[] asking = new int[size];
      int[] items = new int[size];
      float[] counts = new float[size];
      int count = 0;
      for (int row = 0; row < size; row++) {
        asking[row] = random.nextInt(query.entities);
        int drawn = (int) (item.entities * Math.pow(random.nextDouble(), 3));
        int column = columns.putIfAbsent(drawn, count);
        if (column < 0) {
          column = count++;
          items[column] = drawn;
        }
        counts[column]++;
        batch.targets[row] = column;
      }
      batch.items = Arrays.copyOf(items, count);
      batch.counts = Arrays.copyOf(counts, count);
      batch.queries.append(query.all, asking, size);
      batch.candidates.append(item.all, batch.items, count);
      return batch;
    }

    private void train(Batch batch) {
      loss = step.run(batch, () -> candidates(batch), 0.1, 1).loss();
      candidates += batch.items.length;
      trained++;
    }

    private Candidates candidates(Batch batch) {
      float[] logs = new float[batch.items.length];
      for (int i = 0; i < logs.length; i++) {
        logs[i] = logQ[batch.items[i]];
      }
      return new Candidates(batch.items, batch.counts, logs, Candidates.AccidentalHits.MASKED);
    }

    void report(int rows, String precision, double seconds) throws Exception {
      double train = median(seconds, this::pipeline);
      Batch same = assemble();
      step.prepare(same);
      double device =
          median(
              seconds / 2,
              count -> {
                for (int i = 0; i < count; i++) {
                  train(same);
                }
              });
      double assemble =
          median(
              seconds / 2,
              count -> {
                for (int i = 0; i < count; i++) {
                  assemble();
                }
              });
      Batch packed = assemble();
      double pack =
          median(
              seconds / 2,
              count -> {
                for (int i = 0; i < count; i++) {
                  step.prepare(packed);
                }
              });
      System.out.printf(
          Locale.ROOT,
          "rows %,d batch %,d %s: train %,.0f examples/s (%.3f ms), device %,.0f (%.3f ms),"
              + " assemble %.3f ms, pack %.3f ms; candidates %.0f, loss %.4f after %d steps%n",
          rows,
          size,
          precision,
          size / train,
          train * 1e3,
          size / device,
          device * 1e3,
          assemble * 1e3,
          pack * 1e3,
          candidates / (double) trained,
          loss,
          trained);
    }

    /** As Batcher does it. */
    private void pipeline(int count) throws Exception {
      Future<Batch> next = packed(assembler.submit(this::assemble));
      Future<Batch> afterNext = assembler.submit(this::assemble);
      for (int i = 0; i < count; i++) {
        Batch batch = next.get();
        next = packed(afterNext);
        afterNext = assembler.submit(this::assemble);
        train(batch);
      }
      next.get();
      afterNext.get();
    }

    private Future<Batch> packed(Future<Batch> assembled) {
      return packer.submit(
          () -> {
            Batch batch = assembled.get();
            step.prepare(batch);
            return batch;
          });
    }

    private interface Steps {
      void run(int count) throws Exception;
    }

    /** Seconds a step: median over windows. */
    private static double median(double seconds, Steps steps) throws Exception {
      steps.run(5);
      long start = System.nanoTime();
      steps.run(10);
      double guess = (System.nanoTime() - start) / 1e10;
      int count = (int) Math.max(3, Math.min(2_000, seconds / WINDOWS / guess));
      steps.run(count);
      double[] times = new double[WINDOWS];
      for (int window = 0; window < WINDOWS; window++) {
        start = System.nanoTime();
        steps.run(count);
        times[window] = (System.nanoTime() - start) / 1e9 / count;
      }
      Arrays.sort(times);
      return times[WINDOWS / 2];
    }

    @Override
    public void close() {
      assembler.shutdownNow();
      packer.shutdownNow();
    }
  }
}
