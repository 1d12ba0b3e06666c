package io.tandem.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.config.DataSpec.EntitySpec;
import io.tandem.config.DataSpec.InteractionsSpec;
import io.tandem.config.FeatureSpec.Pooling;
import io.tandem.config.FeatureSpec.Timestamp;
import io.tandem.config.FeatureSpec.Transform;
import io.tandem.config.TrainingConfig.AccidentalHits;
import io.tandem.config.TrainingConfig.Metric;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.config.TrainingConfig.SamplingCorrection;
import io.tandem.config.TrainingConfig.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What each key of a specification sets, and what stands where it is absent. */
final class SpecKeysTest {
  private static final String MINIMAL =
      "data: {interactions: {path: clicks.csv, query: u, item: i}}\n";

  @TempDir Path folder;

  @Test
  void dataKeysAreRead() throws IOException {
    DataSpec data =
        read("""
                data:
                  interactions: {path: clicks.tsv, sql: SELECT * FROM source, where: n > 0,
                    format: csv, delimiter: "\\t", columns: [u, i, t, n], encoding: latin-1,
                    query: u, item: i, time: t, weight: n}
                  queries: {jdbc: "jdbc:duckdb:users.db", sql: SELECT * FROM users, key: id}
                  items: {path: items.parquet, format: parquet, key: id}
                  split: {type: random, test: 0.25, validation: 0.05, cold_items: 0.1, seed: 7}
                """)
            .data();

    assertThat(data.interactions())
        .isEqualTo(
            new InteractionsSpec(
                new SourceSpec(
                    folder.resolve("clicks.tsv"),
                    null,
                    "SELECT * FROM source",
                    "n > 0",
                    SourceSpec.Format.CSV,
                    "\t",
                    List.of("u", "i", "t", "n"),
                    "latin-1"),
                "u",
                "i",
                "t",
                "n"));
    assertThat(data.queries())
        .isEqualTo(
            new EntitySpec(
                new SourceSpec(
                    null,
                    "jdbc:duckdb:users.db",
                    "SELECT * FROM users",
                    null,
                    SourceSpec.Format.AUTO,
                    null,
                    List.of(),
                    "utf-8"),
                "id"));
    assertThat(data.items())
        .isEqualTo(
            new EntitySpec(
                new SourceSpec(
                    folder.resolve("items.parquet"),
                    null,
                    null,
                    null,
                    SourceSpec.Format.PARQUET,
                    null,
                    List.of(),
                    "utf-8"),
                "id"));
    assertThat(data.split()).isEqualTo(new SplitSpec.Random(0.25, 0.05, 0.1, 7));
  }

  @Test
  void featureKeysAreRead() throws IOException {
    FeaturesSpec features =
        read(MINIMAL
                + """
                    features:
                      query:
                        - {name: home, type: categorical, column: land, dim: 4, min_count: 2, oov_buckets: 3}
                        - {name: seen, type: sequence, of: item, max_length: 9, pooling: sum}
                        - {name: age, type: numeric, column: years, transform: bucketize, buckets: 5, dim: 6}
                        - {name: when, type: timestamp, column: t, parts: [weekday, hour]}
                      item:
                        - {name: item, type: id, column: i, dim: 12}
                        - {name: tags, type: bag, column: words, separator: ",", dim: 3, min_count: 5,
                           oov_buckets: 2, pooling: sum}
                        - {name: title, type: text, column: name, buckets: 77, dim: 5, ngrams: 2}
                    """)
            .features();

    assertThat(features.query())
        .containsExactly(
            new FeatureSpec.Id("home", "land", 4, 2, 3),
            new FeatureSpec.Sequence("seen", "item", 9, Pooling.SUM),
            new FeatureSpec.Numeric("age", "years", Transform.BUCKETIZE, 5, 6),
            new Timestamp("when", "t", List.of(Timestamp.Part.WEEKDAY, Timestamp.Part.HOUR)));
    assertThat(features.item())
        .containsExactly(
            new FeatureSpec.Id("item", "i", 12, 1, 1),
            new FeatureSpec.Bag("tags", "words", ",", 3, 5, 2, Pooling.SUM),
            new FeatureSpec.Text("title", "name", 77, 5, 2));
  }

  @Test
  void everyFeatureTypeHasItsDefaults() throws IOException {
    FeaturesSpec features =
        read(MINIMAL
                + """
                    features:
                      query:
                        - {name: land, type: id}
                        - {name: seen, type: sequence, of: i}
                        - {name: age, type: numeric}
                        - {name: income, type: numeric, transform: bucketize}
                        - {name: when, type: timestamp}
                      item:
                        - {name: i, type: id}
                        - {name: tags, type: bag}
                        - {name: title, type: text}
                    """)
            .features();

    assertThat(features.query())
        .containsExactly(
            new FeatureSpec.Id("land", "land", 32, 1, 1),
            new FeatureSpec.Sequence("seen", "i", 50, Pooling.MEAN),
            new FeatureSpec.Numeric("age", "age", Transform.STANDARDIZE, 0, 0),
            new FeatureSpec.Numeric("income", "income", Transform.BUCKETIZE, 10, 8),
            new Timestamp(
                "when",
                "when",
                List.of(Timestamp.Part.HOUR, Timestamp.Part.WEEKDAY, Timestamp.Part.AGE)));
    assertThat(features.item())
        .containsExactly(
            new FeatureSpec.Id("i", "i", 32, 1, 1),
            new FeatureSpec.Bag("tags", "tags", "|", 16, 1, 1, Pooling.MEAN),
            new FeatureSpec.Text("title", "title", 10_000, 16, 1));
  }

  @Test
  void modelTrainingAndIndexKeysAreRead() throws IOException {
    ModelSpec spec =
        read(
            MINIMAL
                + """
                name: all-keys
                model: {type: two_tower, dim: 16, query_hidden: [32, 24], item_hidden: [], activation: gelu,
                  query_combine: concat, item_combine: sum, dropout: 0.1, l2: 0.001, normalize: false}
                training:
                  loss: sampled_softmax
                  negatives: {uniform: 1, frequency: 2, log_uniform: 3, queue: 4, hard: 5, hard_every: 6}
                  label_smoothing: 0.1
                  examples: interactions
                  context: others
                  history_dropout: 0.3
                  temperature: 0.2
                  learn_temperature: true
                  sampling_correction: streaming
                  accidental_hits: keep
                  batch: 64
                  epochs: 3
                  optimizer: {dense: sgd, sparse: adam, dense_rate: 0.1, sparse_rate: 0.01}
                  schedule: {type: cosine, warmup: 0.1}
                  metric: ndcg@20
                  patience: 0
                  validate_every: 2
                  refit: true
                  checkpoint_every: 4
                  max_validation_queries: 100
                  seed: -1
                  device: cuda
                  devices: 4
                  precision: bf16
                index: {type: factory, factory: "IVF64,Flat", min_recall: 0.9, k: 10, m: 16,
                  ef_construction: 40, ef_search: 20}
                """);

    assertThat(spec.name()).isEqualTo("all-keys");
    assertThat(spec.model())
        .isEqualTo(
            new ModelConfig.TwoTower(
                16,
                List.of(32, 24),
                List.of(),
                ModelConfig.Combine.CONCAT,
                ModelConfig.Combine.SUM,
                ModelConfig.Activation.GELU,
                0.1,
                0.001,
                false));
    assertThat(spec.training())
        .isEqualTo(
            new TrainingConfig(
                new TrainingConfig.Loss(
                    TrainingConfig.Loss.Function.SAMPLED_SOFTMAX,
                    new TrainingConfig.Negatives(1, 2, 3, 4, 5, 6),
                    0.1,
                    0,
                    0),
                new TrainingConfig.Examples(
                    TrainingConfig.Examples.Row.INTERACTIONS,
                    TrainingConfig.Examples.Context.OTHERS,
                    0.3,
                    TrainingConfig.Examples.Horizon.NEXT),
                0.2,
                true,
                SamplingCorrection.STREAMING,
                AccidentalHits.KEEP,
                64,
                3,
                new Optimizer(Optimizer.Dense.SGD, Optimizer.Sparse.ADAM, 0.1, 0.01),
                new Schedule(Schedule.Shape.COSINE, 0.1),
                new Metric(Metric.Kind.NDCG, 20),
                0,
                2,
                true,
                4,
                100,
                -1,
                TrainingConfig.Device.CUDA,
                4,
                TrainingConfig.Precision.BF16));
    assertThat(spec.index())
        .isEqualTo(
            IndexConfig.ofFactory("IVF64,Flat")
                .withRecall(0.9, 10)
                .withGraph(new IndexConfig.Graph(16, 40, 20)));
  }

  @Test
  void indexKeysAreRead() throws IOException {
    assertThat(
            index(
                "{type: ivf_pq_fast_scan, metric: cosine, opq: 32, memory_limit: 1.5 GB, lists: 100,"
                    + " nprobe: 7, over_fetch: 4}"))
        .isEqualTo(
            IndexConfig.of(IndexConfig.Type.IVF_PQ_FAST_SCAN)
                .withMetric(IndexConfig.Metric.COSINE)
                .withOpq(32)
                .withMemoryLimit(1_500_000_000)
                .withLists(new IndexConfig.Lists(100, 7, 4)));
    assertThat(index("{type: hnsw, pca: 24}"))
        .isEqualTo(IndexConfig.of(IndexConfig.Type.HNSW).withPca(24));
    assertThat(index("flat_fp16")).isEqualTo(IndexConfig.of(IndexConfig.Type.FLAT_FP16));
  }

  @Test
  void rebuildKeysAreRead() throws IOException {
    assertThat(
            read(MINIMAL
                    + """
                        rebuild:
                          keep: 3
                          probes: 50
                          k: 20
                          max_queries: 100
                          reproducible: false
                          gates: {min_size: 0.9, max_size: 1.5, max_missing: 0.2, max_zero: 0.3,
                            max_equal: 0.4, max_norm_drift: 0.5, min_dimensions: 0.6,
                            min_index_recall: 0.7, max_quality_drop: 0.8, min_overlap: 0.25,
                            max_p99_millis: 10}
                        """)
                .rebuild())
        .isEqualTo(
            new RebuildConfig(
                3,
                50,
                20,
                100,
                false,
                new RebuildConfig.Gates(0.9, 1.5, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.25, 10)));
  }

  @Test
  void theIndexMustReachWhatItPromisesUnlessTheGateSaysOtherwise() throws IOException {
    assertThat(read(MINIMAL + "index: {min_recall: 0.9}").rebuild().gates().minIndexRecall())
        .isEqualTo(0.9);
  }

  @Test
  void bytesMayHaveAUnit() throws IOException {
    assertThat(index("{memory_limit: 1024}").memoryLimit()).isEqualTo(1024);
    assertThat(index("{memory_limit: 500MB}").memoryLimit()).isEqualTo(500_000_000);
    assertThat(index("{memory_limit: 2 g}").memoryLimit()).isEqualTo(2_000_000_000L);
    assertThat(index("{memory_limit: 10 B}").memoryLimit()).isEqualTo(10);
  }

  private IndexConfig index(String value) throws IOException {
    return read(MINIMAL + "index: " + value).index();
  }

  @Test
  void everySplitHasItsDefaults() throws IOException {
    SourceSpec test = SourceSpec.file(folder.resolve("t.csv"));
    SourceSpec validation = SourceSpec.file(folder.resolve("v.csv"));

    assertThat(split("temporal")).isEqualTo(new SplitSpec.Temporal(0.2, 0.1));
    assertThat(split("{type: random}")).isEqualTo(new SplitSpec.Random(0.2, 0.1, 42));
    assertThat(split("{type: provided, test: t.csv}"))
        .isEqualTo(new SplitSpec.Provided(test, null, 0.1, 42));
    assertThat(split("{type: provided, test: t.csv, validation: v.csv}"))
        .isEqualTo(new SplitSpec.Provided(test, validation, 0, 42));
    assertThat(split("{type: provided, test: {path: t.csv}, validation: 0.3, seed: 1}"))
        .isEqualTo(new SplitSpec.Provided(test, null, 0.3, 1));
  }

  @Test
  void providedFilesAreReadAsTheInteractionsAre() throws IOException {
    SplitSpec split =
        read("data: {interactions: {path: a.tsv, delimiter: '|', columns: [u, i], encoding: latin-1,"
                + " where: u > 1, query: u, item: i}, split: {type: provided, test: b.tsv}}")
            .data()
            .split();

    assertThat(split)
        .isEqualTo(
            new SplitSpec.Provided(
                new SourceSpec(
                    folder.resolve("b.tsv"),
                    null,
                    null,
                    "u > 1",
                    SourceSpec.Format.AUTO,
                    "|",
                    List.of("u", "i"),
                    "latin-1"),
                null,
                0.1,
                42));
  }

  @Test
  void samplingCorrectionMayBeSaidInPlainWords() throws IOException {
    assertThat(correction("true")).isEqualTo(SamplingCorrection.EXACT);
    assertThat(correction("false")).isEqualTo(SamplingCorrection.NONE);
    assertThat(correction("none")).isEqualTo(SamplingCorrection.NONE);
  }

  @Test
  void oneRateIsForBothOptimizersAndAnOwnRateWins() throws IOException {
    assertThat(optimizer("{rate: 0.3}"))
        .isEqualTo(new Optimizer(Optimizer.Dense.ADAM, Optimizer.Sparse.ROWWISE_ADAGRAD, 0.3, 0.3));
    assertThat(optimizer("{rate: 0.3, sparse_rate: 0.4}").sparseRate()).isEqualTo(0.4);
    assertThat(optimizer("{sparse: adam}").sparseRate()).isEqualTo(0.001);
  }

  @Test
  void historyFollowsTheItemIdWhateverItIsCalled() throws IOException {
    FeaturesSpec features =
        read(MINIMAL + "features: {item: [{name: film, column: i, type: id}]}").features();

    assertThat(features.query())
        .containsExactly(new FeatureSpec.Sequence("history", "film", 50, Pooling.MEAN));
  }

  @Test
  void absolutePathsStayAsTheyAre() throws IOException {
    Path elsewhere = folder.resolve("elsewhere/clicks.csv");

    DataSpec data =
        read("data: {interactions: {path: '" + elsewhere + "', query: u, item: i}}").data();

    assertThat(data.interactions().source().path()).isEqualTo(elsewhere);
  }

  private SplitSpec split(String split) throws IOException {
    return read("data: {interactions: {path: a.csv, query: u, item: i, time: t}, split: "
            + split
            + "}")
        .data()
        .split();
  }

  private SamplingCorrection correction(String value) throws IOException {
    return read(MINIMAL + "training: {sampling_correction: " + value + "}")
        .training()
        .samplingCorrection();
  }

  private Optimizer optimizer(String value) throws IOException {
    return read(MINIMAL + "training: {optimizer: " + value + "}").training().optimizer();
  }

  private ModelSpec read(String yaml) throws IOException {
    return SpecReader.read(Files.writeString(folder.resolve("spec.yaml"), yaml), Map.of());
  }
}
