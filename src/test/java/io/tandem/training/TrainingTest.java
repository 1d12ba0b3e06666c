package io.tandem.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.artifact.Publisher;
import io.tandem.baseline.Popularity;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.DataException;
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
import io.tandem.tower.ExportedTower;
import io.tandem.tower.ExportedTower.Side;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every model and loss, from its specification to exported towers that rank held-out items. */
final class TrainingTest {
  private static final int QUERIES = 120;
  private static final int ITEMS = 60;
  private static final int CLUSTERS = 4;
  private static final String OPTIMIZER = "optimizer: {dense_rate: 0.01, sparse_rate: 0.1}";

  @TempDir Path folder;

  /** People like the items of their cluster and go through them in order. */
  @BeforeEach
  void writeData() throws IOException {
    Random random = new Random(1);
    StringBuilder events = new StringBuilder("user,item,time,weight\n");
    for (int user = 0; user < QUERIES; user++) {
      int place = random.nextInt(15);
      for (int event = 0; event < 10; event++) {
        place = (place + 1 + random.nextInt(2)) % 15;
        int item = place * CLUSTERS + user % CLUSTERS;
        events.append("u%d,i%d,%d,%d%n".formatted(user, item, event, 1 + item % 3));
      }
    }
    Files.writeString(folder.resolve("events.csv"), events);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model: {type: matrix_factorization, dim: 8, sweeps: 8}",
        "model: {type: matrix_factorization, solver: sgd, dim: 8}\n"
            + "training: {temperature: 1, epochs: 25, batch: 128, optimizer: {sparse_rate: 0.1}}",
        "model: {type: softmax_dnn, dim: 8, hidden: [16]}\n"
            + "training: {epochs: 60, batch: 64, "
            + OPTIMIZER
            + "}",
        "model: {type: softmax_dnn, dim: 8}\n"
            + "training: {loss: sampled_softmax, negatives: {log_uniform: 20, frequency: 20},"
            + " examples: interactions, label_smoothing: 0.05, epochs: 20, batch: 128, "
            + OPTIMIZER
            + "}",
        "training: {epochs: 20, batch: 128, "
            + OPTIMIZER
            + ", negatives: {uniform: 16, queue: 32, hard: 3, hard_every: 5}}",
        "training: {loss: cosine_contrastive, epochs: 20, batch: 128, "
            + OPTIMIZER
            + ", negatives: {uniform: 32}}",
        "training: {loss: full_softmax, context: others, history_dropout: 0.2, epochs: 20, "
            + OPTIMIZER
            + "}",
      })
  void everyModelBeatsPopularity(String yaml) throws IOException {
    ModelSpec spec = spec("{type: leave_last_out}", yaml);
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      Trained trained = train(spec, dataset, "a");

      assertThat(recall(trained, dataset)).isGreaterThan(2 * popularity(dataset));
      assertThat(trained.epochs()).isNotEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "pooling: recency, decay: 0.5",
        "pooling: attention",
        "pooling: gru, dropout: 0.1",
        "pooling: transformer, layers: 1, heads: 2, dropout: 0.1"
      })
  void everySequenceTowerLearnsTheOrder(String pooling) throws IOException {
    ModelSpec spec =
        spec(
            "{type: leave_last_out}",
            """
            features:
              query: [{name: history, type: sequence, of: item, max_length: 8, %s}]
              item: [{name: item, type: id, dim: 8}]
            model: {dim: 8, query_hidden: [16], item_hidden: []}
            training: {epochs: 25, batch: 128, %s}
            """
                .formatted(pooling, OPTIMIZER));
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      assertThat(recall(train(spec, dataset, "a"), dataset)).isGreaterThan(2 * popularity(dataset));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model: {type: matrix_factorization, dim: 4, sweeps: 5}",
        "training: {epochs: 3, batch: 128, negatives: {uniform: 8, queue: 16}, refit: true}"
      })
  void anInterruptedTrainingContinuesToTheSameModel(String yaml) throws IOException {
    ModelSpec spec = spec("{type: leave_last_out}", yaml);
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      Trained unbroken = train(spec, dataset, "unbroken");
      Training[] training = new Training[1];
      training[0] =
          new Training(
              spec,
              dataset,
              folder.resolve("broken"),
              new TrainingListener() {
                @Override
                public void stepped(long step, double loss) {
                  if (step == 3) {
                    training[0].stop();
                  }
                }
              });
      assertThat(training[0].train(Trainer.Start.FRESH).model()).isNull();
      Trained continued =
          new Training(spec, dataset, folder.resolve("broken"), TrainingListener.NONE)
              .train(Trainer.Start.RESUME);

      assertThat(embeddings(continued, dataset)).isEqualTo(embeddings(unbroken, dataset));
    }
  }

  @Test
  void refittedModelsHaveSeenTheValidationItems() throws IOException {
    String yaml = "training: {epochs: 2, batch: 128, refit: %s, validate_every: 1}";
    ModelSpec once = spec("{type: leave_last_out}", yaml.formatted("false"));
    ModelSpec again = spec("{type: leave_last_out}", yaml.formatted("true"));
    try (Dataset dataset = DatasetReader.read(once.data())) {
      Trained first = train(once, dataset, "once");
      Trained second = train(again, dataset, "again");

      assertThat(second.epochs()).hasSameSizeAs(first.epochs());
      assertThat(embeddings(second, dataset)).isNotEqualTo(embeddings(first, dataset));
    }
  }

  @Test
  void recentPopularityForgets() throws IOException {
    ModelSpec spec = spec("{type: leave_last_out}", "model: {type: popularity, half_life_days: 1}");
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      Publisher.Model model = train(spec, dataset, "a").model();

      assertThat(model)
          .isInstanceOfSatisfying(
              Publisher.Popularity.class,
              popularity ->
                  assertThat(popularity.scores())
                      .isEqualTo(Popularity.recentScores(dataset.split().train(), ITEMS, 1)));
    }
  }

  @Test
  void recentPopularityNeedsTimes() throws IOException {
    ModelSpec spec =
        SpecReader.read(
            Files.writeString(
                folder.resolve("timeless.yaml"),
                """
                data: {interactions: {path: events.csv, query: user, item: item}}
                model: {type: popularity, half_life_days: 7}
                """),
            Map.of());
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      assertThatThrownBy(() -> train(spec, dataset, "a"))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("expected interactions with times");
    }
  }

  @Test
  void anUnknownQueryOfMatrixFactorizationGetsTheAverageOne() throws IOException {
    ModelSpec spec =
        spec(
            "{type: leave_last_out}",
            "model: {type: matrix_factorization, solver: sgd, dim: 4}\n"
                + "training: {epochs: 5, batch: 128}");
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      Publisher.Towers model = towers(train(spec, dataset, "a"));
      FeatureBatch unknown = new FeatureBatch(model.features().querySchema());
      unknown.add(0, 0);
      unknown.endSlot(0);
      unknown.endRow();
      float[] vector = new float[4];
      ExportedTower tower =
          ExportedTower.open(model.towers(), Side.QUERY, model.features().querySchema());
      tower.embed(unknown, 0, tower.scratch(), vector);

      assertThat(vector).isNotEqualTo(new float[4]);
    }
  }

  private ModelSpec spec(String split, String rest) throws IOException {
    String data =
        "data: {interactions: {path: events.csv, query: user, item: item, time: time}, split: %s}\n";
    return SpecReader.read(
        Files.writeString(folder.resolve("model.yaml"), data.formatted(split) + rest), Map.of());
  }

  private Trained train(ModelSpec spec, Dataset dataset, String name) {
    return new Training(spec, dataset, folder.resolve(name), TrainingListener.NONE)
        .train(Trainer.Start.FRESH);
  }

  private static Publisher.Towers towers(Trained trained) {
    if (trained.model() instanceof Publisher.Towers towers) {
      return towers;
    }
    throw new AssertionError("expected towers, found " + trained.model());
  }

  private static float[] embeddings(Trained trained, Dataset dataset) {
    Features features = towers(trained).features();
    ExportedTower items =
        ExportedTower.open(towers(trained).towers(), Side.ITEM, features.itemSchema());
    float[] vectors = new float[ITEMS * items.dim()];
    items.embedAll(features.items().encodeAll(dataset.items()), 2, vectors);
    return vectors;
  }

  private static double recall(Trained trained, Dataset dataset) {
    Features features = towers(trained).features();
    HeldOut test = HeldOut.test(dataset, Seen.RANKED);
    ExportedTower queries =
        ExportedTower.open(towers(trained).towers(), Side.QUERY, features.querySchema());
    float[] vectors = new float[test.queries().length * queries.dim()];
    queries.embedAll(EvaluationQueries.encode(test, dataset, features), 2, vectors);
    return recall(new EmbeddingRanker(vectors, embeddings(trained, dataset), queries.dim()), test);
  }

  private static double popularity(Dataset dataset) {
    float[] scores = Popularity.scores(dataset.split().train(), ITEMS);
    return recall(new ConstantRanker(scores), HeldOut.test(dataset, Seen.RANKED));
  }

  private static double recall(Ranker ranker, HeldOut test) {
    int[][] lists = Ranking.top(ranker, test.question(), 10);
    return Metrics.of(lists, test.question().relevant(), 10).recall();
  }
}
