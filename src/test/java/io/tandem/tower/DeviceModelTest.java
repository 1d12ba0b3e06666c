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
import io.tandem.gpu.ReferenceDevice;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Towers on a device move as those on the CPU do, gradient by gradient. */
final class DeviceModelTest {
  private static final int ROWS = 40;
  private static final int DIM = 6;

  @ParameterizedTest
  @CsvSource({
    "CONCAT,RELU,true,ADAM,ROWWISE_ADAGRAD,0,50",
    "CONCAT,GELU,false,ADAM,ADAM,0.01,50",
    "CONCAT,TANH,true,SGD,ADAM,0.01,45",
    "SUM,LEAKY_RELU,true,ADAM,ROWWISE_ADAGRAD,0,50",
    "SUM,LEAKY_RELU,true,ADAM,ROWWISE_ADAGRAD,0,45",
    "SUM,RELU,false,ADAM,ROWWISE_ADAGRAD,0,50"
  })
  void parametersAgreeAfterSomeSteps(
      Combine combine,
      Activation activation,
      boolean normalize,
      Optimizer.Dense dense,
      Optimizer.Sparse sparse,
      double l2,
      int usersThere) {
    Optimizer optimizer = new Optimizer(dense, sparse, 0.01, 0.05);
    TableShape shared = new TableShape("shared", 30, DIM, 1);
    InputSchema query =
        new InputSchema(
            List.of(
                new Slot("history", shared, Pooling.MEAN),
                new Slot("user", new TableShape("user", 50, DIM), Pooling.SUM)),
            combine == Combine.SUM ? 0 : 2);
    InputSchema item = new InputSchema(List.of(new Slot("item", shared, Pooling.SUM)), 0);
    // Wide enough that no row is left with one unit, whose gradient through the normalisation is 0
    // but for rounding.
    TowerShape queryShape =
        new TowerShape(query, combine, List.of(24, 16), DIM, activation, 0, l2, normalize);
    TowerShape itemShape =
        new TowerShape(
            item,
            combine,
            combine == Combine.SUM ? List.of() : List.of(16),
            DIM,
            activation,
            0,
            l2,
            normalize);
    TowerModel cpu = TowerModel.create(queryShape, itemShape, optimizer, 5);
    TowerModel mirrored = TowerModel.create(queryShape, itemShape, optimizer, 5);
    Device device = new ReferenceDevice();
    // Of 50 users a device may hold some: a cached table is gathered by itself.
    long budget = (30L + usersThere) * TablePlan.rowBytes(shared, optimizer);
    DeviceModel there =
        new DeviceModel(
            mirrored, List.of(device), Collective.of(List.of(device)), optimizer, budget);
    assertThat(there.cachedRows()).hasSize(usersThere < 50 ? 1 : 0);
    DeviceInputs inputs = there.inputs();
    SplittableRandom random = new SplittableRandom(3);
    for (int step = 1; step <= 4; step++) {
      FeatureBatch queries = batch(query, random, 30, 50);
      FeatureBatch items = batch(item, random, 30);
      INDArray u = cpu.forwardQueries(queries);
      INDArray v = cpu.forwardItems(items);
      float[] byU = gradient(random);
      float[] byV = gradient(random);
      inputs.pack(queries, items);
      inputs.send();
      there.loadAhead(inputs);
      there.begin(inputs);
      there.await(0, inputs);
      same("queries", step, floats(u), read(device, there.forwardQueries(0, inputs)), 1e-5);
      same("items", step, floats(v), read(device, there.forwardItems(0, inputs)), 1e-5);
      cpu.step(
          Nd4j.createFromArray(byU).reshape(ROWS, DIM),
          Nd4j.createFromArray(byV).reshape(ROWS, DIM),
          0.7);
      there.backward(0, inputs, on(device, byU), on(device, byV));
      there.update(0, inputs, 0.7);
      there.finish(inputs);
      there.pull();
      for (int tower = 0; tower < 2; tower++) {
        same(
            "parameters of tower " + tower,
            step,
            cpu.tower(tower).denseParameters(),
            mirrored.tower(tower).denseParameters(),
            1e-4);
        same(
            "state of tower " + tower,
            step,
            cpu.tower(tower).denseState(),
            mirrored.tower(tower).denseState(),
            1e-4);
      }
      for (TableShape table : cpu.tables().keySet()) {
        same(
            table.name(),
            step,
            cpu.table(table).pages()[0],
            mirrored.table(table).pages()[0],
            1e-4);
      }
    }
    inputs.close();
    there.close();
  }

  @Test
  void aStepAsksNoMoreOfADeviceForMoreFeatures() {
    assertThat(callsOfAStep(12))
        .isEqualTo(callsOfAStep(1))
        .containsEntry("gatherPool", 2)
        .containsEntry("updateRows", 1);
  }

  private static Map<String, Integer> callsOfAStep(int features) {
    Optimizer optimizer =
        new Optimizer(Optimizer.Dense.ADAM, Optimizer.Sparse.ROWWISE_ADAGRAD, 0.01, 0.05);
    List<Slot> slots =
        IntStream.range(0, features)
            .mapToObj(i -> new Slot("f" + i, new TableShape("f" + i, 5 + i, DIM), Pooling.SUM))
            .toList();
    InputSchema schema = new InputSchema(slots, 0);
    TowerShape shape =
        new TowerShape(schema, Combine.CONCAT, List.of(8), DIM, Activation.RELU, 0, 0, true);
    TowerModel model = TowerModel.create(shape, shape, optimizer, 1);
    int[] vocabularies = new int[features];
    Arrays.fill(vocabularies, 5);
    FeatureBatch rows = batch(schema, new SplittableRandom(1), vocabularies);
    Map<String, Integer> calls = new TreeMap<>();
    Device device = counting(new ReferenceDevice(), calls);
    try (DeviceModel there = new DeviceModel(model, device, optimizer);
        DeviceInputs inputs = there.inputs()) {
      inputs.pack(rows, rows);
      inputs.send();
      there.begin(inputs);
      calls.clear();
      there.await(0, inputs);
      Floats u = there.forwardQueries(0, inputs);
      Floats v = there.forwardItems(0, inputs);
      there.backward(0, inputs, u, v);
      there.update(0, inputs, 1);
      return Map.copyOf(calls);
    }
  }

  private static Device counting(Device device, Map<String, Integer> calls) {
    return (Device)
        Proxy.newProxyInstance(
            Device.class.getClassLoader(),
            new Class<?>[] {Device.class},
            (proxy, method, arguments) -> {
              calls.merge(method.getName(), 1, Integer::sum);
              return method.invoke(device, arguments);
            });
  }

  @Test
  void anIdOutsideItsTableIsRefusedBeforeADeviceSeesIt() {
    Optimizer optimizer =
        new Optimizer(Optimizer.Dense.ADAM, Optimizer.Sparse.ROWWISE_ADAGRAD, 0.01, 0.05);
    InputSchema schema =
        new InputSchema(List.of(new Slot("item", new TableShape("item", 5, DIM), Pooling.SUM)), 0);
    TowerShape shape =
        new TowerShape(schema, Combine.SUM, List.of(), DIM, Activation.RELU, 0, 0, true);
    TowerModel model = TowerModel.create(shape, shape, optimizer, 1);
    FeatureBatch rows = new FeatureBatch(schema);
    rows.add(0, 5);
    rows.endSlot(0);
    rows.endRow();
    try (DeviceModel there = new DeviceModel(model, new ReferenceDevice(), optimizer);
        DeviceInputs inputs = there.inputs()) {
      assertThatThrownBy(() -> inputs.pack(rows, rows))
          .hasMessage("feature item: row 5 of a table of 5");
    }
  }

  private static FeatureBatch batch(InputSchema schema, SplittableRandom random, int... tables) {
    FeatureBatch batch = new FeatureBatch(schema);
    for (int row = 0; row < ROWS; row++) {
      for (int slot = 0; slot < tables.length; slot++) {
        int values = slot == 0 && tables.length > 1 ? random.nextInt(4) : 1;
        for (int i = 0; i < values; i++) {
          batch.add(slot, random.nextInt(tables[slot]));
        }
        batch.endSlot(slot);
      }
      for (int i = 0; i < schema.denseWidth(); i++) {
        batch.addDense((float) random.nextDouble());
      }
      batch.endRow();
    }
    return batch;
  }

  private static float[] gradient(SplittableRandom random) {
    float[] values = new float[ROWS * DIM];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextDouble() - 0.5);
    }
    return values;
  }

  private static float[] floats(INDArray matrix) {
    return matrix.dup('c').data().asFloat();
  }

  private static Floats on(Device device, float[] values) {
    Floats memory = device.floats(values.length);
    device.write(values, 0, values.length, memory);
    return memory;
  }

  private static float[] read(Device device, Floats memory) {
    float[] values = new float[ROWS * DIM];
    device.read(memory, values, 0, values.length);
    return values;
  }

  private static void same(
      String what, int step, float[] expected, float[] found, double tolerance) {
    assertThat(found).as(what).hasSameSizeAs(expected);
    for (int i = 0; i < expected.length; i++) {
      assertThat(found[i])
          .as("%s, number %d, step %d", what, i, step)
          .isCloseTo(expected[i], Offset.offset((float) tolerance * (1 + Math.abs(expected[i]))));
    }
  }
}
