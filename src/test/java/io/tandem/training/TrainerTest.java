package io.tandem.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.baseline.Popularity;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.evaluation.ConstantRanker;
import io.tandem.evaluation.EmbeddingRanker;
import io.tandem.evaluation.HeldOut;
import io.tandem.evaluation.HeldOut.Seen;
import io.tandem.evaluation.Metrics;
import io.tandem.evaluation.Ranker;
import io.tandem.evaluation.Ranking;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.tower.TowerModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TrainerTest {
  private static final int QUERIES = 120;
  private static final int ITEMS = 60;
  private static final int CLUSTERS = 4;

  @TempDir Path folder;
  private @Nullable Dataset dataset;

  @BeforeEach
  void writeClusteredData() throws IOException {
    Random random = new Random(1);
    StringBuilder events = new StringBuilder("user,item,time\n");
    for (int user = 0; user < QUERIES; user++) {
      for (int event = 0; event < 12; event++) {
        int item = random.nextInt(ITEMS / CLUSTERS) * CLUSTERS + user % CLUSTERS;
        events.append("u%d,i%d,%d%n".formatted(user, item, event));
      }
    }
    Files.writeString(folder.resolve("events.csv"), events);
    Files.writeString(
        folder.resolve("model.yaml"),
        """
        data:
          interactions: {path: events.csv, query: user, item: item, time: time}
        features:
          query: [{name: history, type: sequence, of: item}]
          item: [{name: item, type: id, dim: 8}]
        model: {dim: 8, query_hidden: [16], item_hidden: [], dropout: 0.1}
        training: {batch: 128, epochs: 6, validate_every: 1, patience: 0, learn_temperature: true,
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

  @Test
  void twoTowersBeatPopularityOnClusteredTastes() {
    ModelSpec spec = spec("training.epochs", "15");
    TrainingResult result = train(spec, "a", Trainer.Start.FRESH, TrainingListener.NONE);
    HeldOut test = HeldOut.test(data(spec), Seen.RANKED);

    Metrics towers = Metrics.of(lists(result.model(), test, spec), test.question().relevant(), 10);
    Ranker byCount = new ConstantRanker(Popularity.scores(data(spec).split().train(), ITEMS));
    Metrics popular =
        Metrics.of(Ranking.top(byCount, test.question(), 10), test.question().relevant(), 10);

    assertThat(towers.recall()).isGreaterThan(2 * popular.recall());
    assertThat(result.end()).isEqualTo(TrainingResult.End.ALL_EPOCHS);
    assertThat(result.temperature()).isNotEqualTo(0.1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 17, 27})
  void anInterruptedTrainingContinuesToTheSameResult(int stopAfter) {
    ModelSpec spec = spec();
    TrainingResult unbroken = train(spec, "unbroken", Trainer.Start.FRESH, TrainingListener.NONE);
    Trainer[] trainer = new Trainer[1];
    TrainingListener stopper =
        new TrainingListener() {
          @Override
          public void stepped(long step, double loss) {
            if (step == stopAfter) {
              trainer[0].stop();
            }
          }
        };
    trainer[0] = trainer(spec, "broken", stopper);
    TrainingResult first = trainer[0].train(Trainer.Start.FRESH);
    TrainingResult second = train(spec, "broken", Trainer.Start.RESUME, TrainingListener.NONE);

    assertThat(first.end()).isEqualTo(TrainingResult.End.INTERRUPTED);
    assertThat(second.epochs()).hasSameSizeAs(unbroken.epochs());
    assertThat(second.bestEpoch()).isEqualTo(unbroken.bestEpoch());
    assertThat(second.temperature()).isEqualTo(unbroken.temperature());
    assertThat(items(second.model(), spec)).isEqualTo(items(unbroken.model(), spec));
    for (int epoch = 0; epoch < 6; epoch++) {
      assertThat(second.epochs().get(epoch).loss()).isEqualTo(unbroken.epochs().get(epoch).loss());
      assertThat(second.epochs().get(epoch).validation())
          .isEqualTo(unbroken.epochs().get(epoch).validation());
    }
  }

  @Test
  void trainingStopsWhereTheMetricNoLongerRises() {
    // Rates of nearly nothing: the first epoch stays the best.
    ModelSpec spec =
        spec(
            "training.epochs", "50",
            "training.patience", "2",
            "training.learn_temperature", "false",
            "training.optimizer", "{dense_rate: 1e-12, sparse_rate: 1e-12}");
    TrainingResult result = train(spec, "a", Trainer.Start.FRESH, TrainingListener.NONE);

    assertThat(result.end()).isEqualTo(TrainingResult.End.EARLY_STOPPING);
    assertThat(result.epochs()).hasSize(result.bestEpoch() + 2);
  }

  @Test
  void checkpointsOfAnotherSpecificationAreRefused() {
    train(spec("training.epochs", "1"), "a", Trainer.Start.FRESH, TrainingListener.NONE);
    ModelSpec other = spec("training.epochs", "2", "model.dim", "4");
    Trainer resumed = trainer(other, "a", TrainingListener.NONE);

    assertThatThrownBy(() -> resumed.train(Trainer.Start.RESUME))
        .isInstanceOf(TrainingException.class)
        .hasMessageContaining("another specification");
    Trainer without = trainer(other, "nothing", TrainingListener.NONE);
    assertThatThrownBy(() -> without.train(Trainer.Start.RESUME))
        .isInstanceOf(TrainingException.class)
        .hasMessageContaining("no checkpoint to resume from");
  }

  @Test
  void whatDivergesIsNamed() {
    ModelSpec spec =
        spec(
            "model.normalize", "false",
            "training.learn_temperature", "false",
            "training.optimizer", "{dense: sgd, dense_rate: 1e30, sparse_rate: 1e30}");
    Trainer trainer = trainer(spec, "a", TrainingListener.NONE);

    assertThatThrownBy(() -> trainer.train(Trainer.Start.FRESH))
        .isInstanceOf(TrainingException.class)
        .hasMessageContaining("of epoch 1: the loss is")
        .hasMessageContaining("query embedding is not finite; all parameters are finite");
  }

  @Test
  void progressIsPlainLinesWhereThereIsNoTerminal() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    train(spec(), "a", Trainer.Start.FRESH, new ProgressListener(out, false));

    assertThat(bytes.toString(StandardCharsets.UTF_8))
        .startsWith("Training: 60 steps of 120 examples")
        .contains("epoch   1: loss ", "validation recall@10 ", "All epochs done.")
        .doesNotContain("\r", "\u001b");
  }

  private TrainingResult train(
      ModelSpec spec, String name, Trainer.Start start, TrainingListener listener) {
    return trainer(spec, name, listener).train(start);
  }

  private Trainer trainer(ModelSpec spec, String name, TrainingListener listener) {
    return new Trainer(spec, data(spec), features(spec), folder.resolve(name), listener);
  }

  private int[][] lists(TowerModel model, HeldOut heldOut, ModelSpec spec) {
    FeatureBatch batch = EvaluationQueries.encode(heldOut, data(spec), features(spec));
    float[] queries = new float[batch.rows() * model.dim()];
    model.embedQueries(batch, queries);
    return Ranking.top(
        new EmbeddingRanker(queries, items(model, spec), model.dim()), heldOut.question(), 10);
  }

  private float[] items(TowerModel model, ModelSpec spec) {
    FeatureBatch batch = features(spec).items().encodeAll(data(spec).items());
    float[] items = new float[batch.rows() * model.dim()];
    model.embedItems(batch, items);
    return items;
  }

  private Features features(ModelSpec spec) {
    return Features.fit(spec.features(), spec.data(), data(spec));
  }

  private Dataset data(ModelSpec spec) {
    if (dataset == null) {
      dataset = DatasetReader.read(spec.data());
    }
    return dataset;
  }

  private ModelSpec spec(String... overrides) {
    Map<String, String> map = new LinkedHashMap<>();
    for (int i = 0; i < overrides.length; i += 2) {
      map.put(overrides[i], overrides[i + 1]);
    }
    return SpecReader.read(folder.resolve("model.yaml"), map);
  }
}
