package io.tandem.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.gpu.Device;
import io.tandem.gpu.Precision;
import io.tandem.gpu.ReferenceDevice;
import io.tandem.gpu.TestDevices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training on a device gives what training on the CPU gives, and each continues the other's. */
final class DeviceStepTest {
  private static final int ITEMS = 70;

  @TempDir Path folder;
  private @Nullable Dataset dataset;

  @BeforeEach
  void writeData() throws IOException {
    Random random = new Random(1);
    StringBuilder events = new StringBuilder("user,item,time\n");
    for (int user = 0; user < 60; user++) {
      for (int event = 0; event < 12; event++) {
        int item = random.nextInt(ITEMS / 5) * 5 + user % 5;
        events.append("u%d,i%d,%d%n".formatted(user, item, event));
      }
    }
    Files.writeString(folder.resolve("events.csv"), events);
    StringBuilder items = new StringBuilder("item,tags,price\n");
    for (int item = 0; item < ITEMS; item++) {
      items.append("i%d,t%d|t%d,%d%n".formatted(item, item % 5, item % 7, item));
    }
    Files.writeString(folder.resolve("items.csv"), items);
    Files.writeString(
        folder.resolve("model.yaml"),
        """
        data:
          interactions: {path: events.csv, query: user, item: item, time: time}
          items: {path: items.csv, key: item}
        features:
          query:
            - {name: user, type: id, dim: 6}
            - {name: history, type: sequence, of: item}
          item:
            - {name: item, type: id, dim: 8}
            - {name: tags, type: bag, separator: "|", dim: 4}
            - {name: price, type: numeric, transform: standardize}
        model: {dim: 8, query_hidden: [16], item_hidden: [12]}
        training: {batch: 96, epochs: 2, patience: 0, learn_temperature: true, device: cpu,
                   sampling_correction: streaming,
                   optimizer: {dense_rate: 0.01, sparse_rate: 0.1}}
        """);
  }

  @AfterEach
  void close() {
    if (dataset != null) {
      dataset.close();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model.activation=relu",
        "model.activation=gelu model.l2=0.01 training.optimizer.sparse=adam",
        "model.activation=tanh training.optimizer.dense=sgd training.accidental_hits=keep",
        "model.activation=leaky_relu model.normalize=false training.temperature=1",
        "training.examples=queries training.loss=full_softmax training.batch=16",
        "training.loss=sampled_softmax training.negatives.uniform=30 training.schedule=cosine",
        "model.item_hidden=[] training.sampling_correction=exact"
      })
  void aDeviceTrainsLikeTheCpu(String settings) {
    ModelSpec spec = spec(settings);
    TrainingResult cpu = train(spec, "cpu", null, Trainer.Start.FRESH);
    TrainingResult device = train(spec, "device", references(1), Trainer.Start.FRESH);

    same(cpu, device, spec, 2e-4);
  }

  @Test
  void cudaTrainsLikeTheCpu() {
    ModelSpec spec = spec("training.batch=200 training.epochs=1");
    TrainingResult cpu = train(spec, "cpu", null, Trainer.Start.FRESH);
    TrainingResult cuda =
        train(spec, "cuda", () -> List.of(TestDevices.cuda(Precision.FP32)), Trainer.Start.FRESH);
    TrainingResult tensor =
        train(spec, "tensor", () -> List.of(TestDevices.cuda(Precision.TF32)), Trainer.Start.FRESH);

    same(cpu, cuda, spec, 2e-4);
    same(cpu, tensor, spec, 3e-2);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theCpuContinuesWhatADeviceBeganAndTheOtherWayRound(boolean deviceFirst) {
    ModelSpec spec = spec("training.epochs=4 training.optimizer.sparse=adam");
    Supplier<List<? extends Device>> device = references(1);
    TrainingResult whole = train(spec, "whole", null, Trainer.Start.FRESH);
    Trainer first = trainer(spec, "parts", deviceFirst ? device : null);
    first.endAfter(2);
    first.train(Trainer.Start.FRESH);
    TrainingResult second = train(spec, "parts", deviceFirst ? null : device, Trainer.Start.RESUME);

    same(whole, second, spec, 1e-3);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model.activation=relu",
        "training.batch=97 training.optimizer.sparse=adam model.l2=0.01",
        "training.loss=sampled_softmax training.negatives.uniform=31 training.batch=50",
        "training.examples=queries training.loss=full_softmax training.batch=16",
        "model.normalize=false training.temperature=1 training.accidental_hits=keep"
      })
  void severalDevicesTrainLikeOneWithTheWholeBatch(String settings) {
    ModelSpec spec = spec(settings);
    TrainingResult one = train(spec, "one", references(1), Trainer.Start.FRESH);

    same(one, train(spec, "two", references(2), Trainer.Start.FRESH), spec, 1e-4);
    same(one, train(spec, "five", references(5), Trainer.Start.FRESH), spec, 1e-4);
  }

  @Test
  void twoGpusTrainLikeOne() {
    TestDevices.needsTwo();
    ModelSpec spec = spec("training.batch=201 training.epochs=1");
    TrainingResult one = train(spec, "one", references(1), Trainer.Start.FRESH);
    TrainingResult two =
        train(
            spec,
            "two",
            () -> List.of(TestDevices.cuda(0, Precision.FP32), TestDevices.cuda(1, Precision.FP32)),
            Trainer.Start.FRESH);

    same(one, two, spec, 2e-4);
  }

  /**
   * Whatever the devices were asked for meanwhile: nothing has moved, so that the cause is named.
   */
  @ParameterizedTest
  @ValueSource(strings = {"reference", "two references", "cuda"})
  void whatDivergesIsNamed(String devices) {
    ModelSpec spec =
        spec(
            "model.normalize=false training.temperature=1 training.learn_temperature=false"
                + " training.optimizer.dense=sgd training.optimizer.dense_rate=1e30"
                + " training.optimizer.sparse_rate=1e30");
    Supplier<List<? extends Device>> opened =
        devices.equals("cuda")
            ? () -> List.of(TestDevices.cuda(Precision.FP32))
            : references(devices.startsWith("two") ? 2 : 1);

    assertThatThrownBy(() -> train(spec, "x", opened, Trainer.Start.FRESH))
        .isInstanceOf(TrainingException.class)
        .hasMessageContaining("of epoch 1: the loss is")
        .hasMessageContaining("query embedding is not finite; all parameters are finite");
  }

  @Test
  void aDeviceThatIsAskedForAndMissingIsAnError() {
    ModelSpec spec = spec("training.device=cuda model.dropout=0.1");

    assertThatThrownBy(() -> train(spec, "x", null, Trainer.Start.FRESH))
        .isInstanceOf(TrainingException.class)
        .hasMessageContaining("training.device: cuda does not train model.dropout yet");
  }

  private static Supplier<List<? extends Device>> references(int count) {
    return () -> Stream.generate(ReferenceDevice::new).limit(count).toList();
  }

  private void same(TrainingResult expected, TrainingResult found, ModelSpec spec, double within) {
    assertThat(found.epochs()).hasSameSizeAs(expected.epochs());
    for (int epoch = 0; epoch < expected.epochs().size(); epoch++) {
      double loss = expected.epochs().get(epoch).loss();
      assertThat(found.epochs().get(epoch).loss()).isCloseTo(loss, Offset.offset(within * loss));
    }
    assertThat(found.temperature()).isCloseTo(expected.temperature(), Offset.offset(within));
    float[] items = items(expected, spec);
    float[] others = items(found, spec);
    double norm = 0;
    double distance = 0;
    for (int i = 0; i < items.length; i++) {
      norm += items[i] * (double) items[i];
      distance += Math.pow(items[i] - (double) others[i], 2);
    }
    assertThat(Math.sqrt(distance / norm)).isLessThan(within * 10);
  }

  private float[] items(TrainingResult result, ModelSpec spec) {
    Features features = Features.fit(spec.features(), spec.data(), data(spec));
    FeatureBatch batch = features.items().encodeAll(data(spec).items());
    float[] embeddings = new float[batch.rows() * result.model().dim()];
    result.model().embedItems(batch, embeddings);
    return embeddings;
  }

  private TrainingResult train(
      ModelSpec spec,
      String name,
      @Nullable Supplier<List<? extends Device>> device,
      Trainer.Start start) {
    return trainer(spec, name, device).train(start);
  }

  private Trainer trainer(
      ModelSpec spec, String name, @Nullable Supplier<List<? extends Device>> device) {
    Features features = Features.fit(spec.features(), spec.data(), data(spec));
    Trainer trainer =
        new Trainer(spec, data(spec), features, folder.resolve(name), TrainingListener.NONE);
    if (device != null) {
      trainer.on(device.get());
    }
    return trainer;
  }

  private Dataset data(ModelSpec spec) {
    if (dataset == null) {
      dataset = DatasetReader.read(spec.data());
    }
    return dataset;
  }

  private ModelSpec spec(String settings) {
    Map<String, String> overrides = new LinkedHashMap<>();
    for (String setting : settings.split(" ", -1)) {
      String[] parts = setting.split("=", -1);
      overrides.put(parts[0], parts[1]);
    }
    return SpecReader.read(folder.resolve("model.yaml"), overrides);
  }
}
