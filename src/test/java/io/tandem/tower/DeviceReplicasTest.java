package io.tandem.tower;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.FeatureSpec.Pooling;
import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.Slot;
import io.tandem.feature.InputSchema.TableShape;
import io.tandem.gpu.Collective;
import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.Part;
import io.tandem.gpu.Precision;
import io.tandem.gpu.ReferenceDevice;
import io.tandem.gpu.TestDevices;
import io.tandem.loss.CandidateLoss;
import io.tandem.loss.Candidates;
import io.tandem.loss.DeviceCandidateLoss;
import io.tandem.loss.Targets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Devices that share a batch's rows move as one device with all of them does, and tables of which a
 * device holds only some rows as those that it holds whole.
 */
final class DeviceReplicasTest {
  private static final int DIM = 6;
  private static final int USERS = 500;
  private static final int ITEMS = 120;
  private static final int STEPS = 12;
  private static final TableShape USER = new TableShape("user", USERS, DIM);
  private static final TableShape ITEM = new TableShape("item", ITEMS, DIM, 1);
  private static final long WHOLE = Long.MAX_VALUE;

  /** What a training came to: losses, gradients by the temperature, and the model. */
  private record Outcome(
      List<Double> losses, TowerModel model, TableCache.@Nullable Counts users) {}

  /** Rows that several devices cannot share evenly too, and fewer than there are devices. */
  @ParameterizedTest
  @CsvSource({
    "2,40,30,ROWWISE_ADAGRAD,MASKED",
    "2,41,33,ADAM,MASKED",
    "3,40,31,ADAM,KEPT",
    "4,6,5,ROWWISE_ADAGRAD,MASKED",
    "5,2,3,ADAM,MASKED"
  })
  void replicasMoveAsOneDeviceWithTheWholeBatch(
      int replicas,
      int rows,
      int candidates,
      Optimizer.Sparse sparse,
      Candidates.AccidentalHits hits)
      throws Exception {
    Outcome one = train(references(1), rows, candidates, sparse, hits, WHOLE);
    Outcome several = train(references(replicas), rows, candidates, sparse, hits, WHOLE);

    same(one, several, 1e-5);
  }

  @ParameterizedTest
  @CsvSource({"1,160,ROWWISE_ADAGRAD", "1,104,ADAM", "2,90,ADAM", "1,74,ROWWISE_ADAGRAD"})
  void aCacheOfAnySizeThatHoldsABatchChangesNothing(int replicas, int rows, Optimizer.Sparse sparse)
      throws Exception {
    long budget = budget(rows, sparse);
    Candidates.AccidentalHits masked = Candidates.AccidentalHits.MASKED;
    Outcome whole = train(references(replicas), 40, 30, sparse, masked, WHOLE);
    Outcome cached = train(references(replicas), 40, 30, sparse, masked, budget);

    same(whole, cached, 0);
    assertThat(whole.users()).isNull();
    TableCache.Counts counts = Objects.requireNonNull(cached.users());
    assertThat(counts.evicted()).isGreaterThan(40);
    assertThat(counts.loaded()).isGreaterThan(counts.evicted());
    assertThat(counts.found()).isPositive();
  }

  @Test
  void aCachedTableOnCudaMovesAsAWholeOne() throws Exception {
    Optimizer.Sparse sparse = Optimizer.Sparse.ADAM;
    long budget = budget(90, sparse);
    Candidates.AccidentalHits masked = Candidates.AccidentalHits.MASKED;
    List<Device> device = List.of(TestDevices.cuda(Precision.FP32));
    Outcome whole = train(device, 40, 30, sparse, masked, WHOLE);
    Outcome cached = train(device, 40, 30, sparse, masked, budget);
    Outcome reference = train(references(1), 40, 30, sparse, masked, WHOLE);
    device.get(0).close();

    // Sums of a row's gradients are split where rows' places say.
    same(whole, cached, 1e-6);
    same(reference, cached, 1e-3);
  }

  @Test
  void aBatchThatTheCacheCannotHoldIsRefusedWithWhatToDo() {
    Optimizer.Sparse sparse = Optimizer.Sparse.ROWWISE_ADAGRAD;
    long budget = budget(20, sparse);

    assertThatThrownBy(
            () -> train(references(1), 40, 30, sparse, Candidates.AccidentalHits.MASKED, budget))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("has room for 20 rows, a batch needs more")
        .hasMessageContaining("-Dtandem.gpu.tables");
  }

  @Test
  void smallTablesAreWholeAndLargeOnesShareWhatIsLeft() {
    Optimizer optimizer = optimizer(Optimizer.Sparse.ROWWISE_ADAGRAD);
    TableShape small = new TableShape("small", 10, 3);
    TableShape large = new TableShape("large", 1_000_000, 63);
    TableShape larger = new TableShape("larger", 2_000_000, 63);

    assertThat(TablePlan.rows(List.of(larger, small, large), optimizer, 160 + 256 * 2000))
        .containsEntry(small, 10)
        .containsEntry(large, 1000)
        .containsEntry(larger, 1000);
    assertThat(TablePlan.rows(List.of(large, small), optimizer, WHOLE))
        .containsEntry(large, 1_000_000);
  }

  /** Room for so many rows of each table, but not more than it has. */
  private static long budget(int rows, Optimizer.Sparse sparse) {
    return Math.min(rows, ITEMS) * TablePlan.rowBytes(ITEM, optimizer(sparse))
        + rows * TablePlan.rowBytes(USER, optimizer(sparse));
  }

  private static List<Device> references(int count) {
    return Stream.<Device>generate(ReferenceDevice::new).limit(count).toList();
  }

  private static Optimizer optimizer(Optimizer.Sparse sparse) {
    return new Optimizer(Optimizer.Dense.ADAM, sparse, 0.01, 0.05);
  }

  /** Batches are packed one ahead of the step, as in a training. */
  private static Outcome train(
      List<Device> devices,
      int rows,
      int candidates,
      Optimizer.Sparse sparse,
      Candidates.AccidentalHits hits,
      long tableBytes)
      throws Exception {
    InputSchema query =
        new InputSchema(
            List.of(new Slot("user", USER, Pooling.SUM), new Slot("history", ITEM, Pooling.MEAN)),
            2);
    InputSchema item = new InputSchema(List.of(new Slot("item", ITEM, Pooling.SUM)), 0);
    TowerModel model = TowerModel.create(shape(query), shape(item), optimizer(sparse), 5);
    SplittableRandom random = new SplittableRandom(11);
    List<Double> losses = new ArrayList<>();
    TableCache.Counts counts;
    Collective collective = Collective.of(devices);
    ExecutorService threads = Executors.newFixedThreadPool(devices.size());
    try (DeviceModel there =
        new DeviceModel(model, devices, collective, optimizer(sparse), tableBytes)) {
      List<DeviceCandidateLoss> loss =
          devices.stream().map(device -> new DeviceCandidateLoss(device, DIM)).toList();
      DeviceInputs[] inputs = {there.inputs(), there.inputs()};
      List<List<DeviceCandidateLoss.Packed>> packed = new ArrayList<>();
      List<Candidates> drawn = new ArrayList<>();
      for (int step = 0; step <= STEPS; step++) {
        if (step < STEPS) {
          DeviceInputs next = inputs[step % 2];
          Candidates c = candidates(random, candidates, hits);
          next.pack(queries(query, random, rows, step), items(item, c));
          Targets targets = targets(random, rows, candidates);
          List<DeviceCandidateLoss.Packed> parts = new ArrayList<>();
          for (int rank = 0; rank < devices.size(); rank++) {
            parts.add(
                DeviceCandidateLoss.Packed.pack(
                    next.upload(rank), targets, c, new Part(rank, devices.size())));
          }
          next.send();
          there.loadAhead(next);
          packed.add(parts);
          drawn.add(c);
        }
        if (step > 0) {
          int own = step - 1;
          DeviceInputs now = inputs[own % 2];
          there.begin(now);
          List<Callable<CandidateLoss.Result>> work = new ArrayList<>();
          for (int i = 0; i < devices.size(); i++) {
            int rank = i;
            work.add(
                () -> {
                  there.await(rank, now);
                  Floats u = there.forwardQueries(rank, now);
                  Floats v = there.forwardItems(rank, now);
                  DeviceCandidateLoss lossHere = loss.get(rank);
                  lossHere.run(u, v, packed.get(own).get(rank), drawn.get(own), 0.2);
                  there.backward(rank, now, lossHere.byU(), lossHere.byV());
                  CandidateLoss.Result result = lossHere.result();
                  there.update(rank, now, 0.7);
                  devices.get(rank).synchronize();
                  return result;
                });
          }
          double sum = 0;
          double along = 0;
          for (Future<CandidateLoss.Result> result : threads.invokeAll(work)) {
            sum += result.get().loss();
            along += result.get().temperatureGradient();
          }
          losses.add(sum);
          losses.add(along);
          there.finish(now);
          if (own == STEPS / 2) {
            // As a checkpoint in the middle, while the next batch is there already.
            there.pull();
          }
        }
      }
      counts = there.counts(USER);
      loss.forEach(DeviceCandidateLoss::close);
      for (DeviceInputs batch : inputs) {
        batch.close();
      }
    } finally {
      threads.shutdownNow();
      collective.close();
    }
    return new Outcome(losses, model, counts);
  }

  private static TowerShape shape(InputSchema schema) {
    return new TowerShape(
        schema, Combine.CONCAT, List.of(24, 16), DIM, Activation.RELU, 0, 0.001, true);
  }

  /** Some users come often, most seldom. */
  private static FeatureBatch queries(
      InputSchema schema, SplittableRandom random, int rows, int step) {
    FeatureBatch batch = new FeatureBatch(schema);
    for (int row = 0; row < rows; row++) {
      batch.add(0, row % 3 == 0 ? random.nextInt(8) : random.nextInt(USERS));
      batch.endSlot(0);
      for (int i = 0; i < (row + step) % 4; i++) {
        batch.add(1, random.nextInt(ITEMS));
      }
      batch.endSlot(1);
      batch.addDense((float) random.nextDouble());
      batch.addDense((float) random.nextDouble());
      batch.endRow();
    }
    return batch;
  }

  /** The same item in several columns, on one device and on several; counts, and a correction. */
  private static Candidates candidates(
      SplittableRandom random, int count, Candidates.AccidentalHits hits) {
    int[] items = random.ints(count, 0, ITEMS / 4).toArray();
    float[] counts = new float[count];
    float[] logQ = new float[count];
    for (int i = 0; i < count; i++) {
      counts[i] = random.nextInt(4);
      logQ[i] = (float) Math.log((1 + items[i]) / (double) ITEMS);
    }
    counts[0] = 1;
    return new Candidates(items, counts, logQ, hits);
  }

  private static FeatureBatch items(InputSchema schema, Candidates candidates) {
    FeatureBatch batch = new FeatureBatch(schema);
    for (int item : candidates.items()) {
      batch.add(0, item);
      batch.endSlot(0);
      batch.endRow();
    }
    return batch;
  }

  private static Targets targets(SplittableRandom random, int rows, int candidates) {
    int[] offsets = new int[rows + 1];
    int[] columns = new int[2 * rows];
    float[] shares = new float[2 * rows];
    float[] weights = new float[rows];
    int size = 0;
    for (int row = 0; row < rows; row++) {
      int first = random.nextInt(candidates);
      boolean two = candidates > 1 && row % 3 == 1;
      columns[size] = first;
      shares[size++] = two ? 0.75f : 1;
      if (two) {
        columns[size] = (first + 1) % candidates;
        shares[size++] = 0.25f;
      }
      offsets[row + 1] = size;
      weights[row] = row % 7 == 6 ? 0 : (float) random.nextDouble();
    }
    return new Targets(offsets, columns, shares, weights);
  }

  private static void same(Outcome expected, Outcome found, double within) {
    assertThat(found.losses()).hasSameSizeAs(expected.losses());
    for (int i = 0; i < expected.losses().size(); i++) {
      double value = expected.losses().get(i);
      assertThat(found.losses().get(i))
          .isCloseTo(value, Offset.offset(within * (1 + Math.abs(value))));
    }
    for (int tower = 0; tower < 2; tower++) {
      same(
          "parameters of tower " + tower,
          expected.model().tower(tower).denseParameters(),
          found.model().tower(tower).denseParameters(),
          within);
      same(
          "moments of tower " + tower,
          expected.model().tower(tower).denseState(),
          found.model().tower(tower).denseState(),
          within);
    }
    for (TableShape shape : expected.model().tables().keySet()) {
      EmbeddingTable one = expected.model().table(shape);
      EmbeddingTable other = found.model().table(shape);
      same(shape.name(), one.pages()[0], other.pages()[0], within);
      for (int i = 0; i < one.optimizer().state().length; i++) {
        same(
            "state %d of %s".formatted(i, shape.name()),
            one.optimizer().state()[i][0],
            other.optimizer().state()[i][0],
            within);
      }
    }
  }

  private static void same(String what, float[] expected, float[] found, double within) {
    assertThat(found).as(what).hasSameSizeAs(expected);
    for (int i = 0; i < expected.length; i++) {
      assertThat(found[i])
          .as("%s, number %d", what, i)
          .isCloseTo(
              expected[i], Offset.offset((float) (within * 10 * (1 + Math.abs(expected[i])))));
    }
  }
}
