package io.tandem.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SpecReaderTest {
  private static final String MINIMAL =
      """
      data:
        interactions: {path: pairs.csv, query: user, item: movie}
      """;

  @TempDir Path folder;

  @Test
  void defaultsArePinned() throws Exception {
    ModelSpec spec = SpecReader.read(file(MINIMAL), Map.of());

    assertThat(SpecReader.write(spec).replace(folder.toAbsolutePath().toString(), "FOLDER"))
        .isEqualTo(
            """
            name: model
            data:
              interactions:
                path: FOLDER/pairs.csv
                format: auto
                encoding: utf-8
                query: user
                item: movie
              split:
                type: leave_last_out
            features:
              query:
              - name: user
                type: id
                column: user
                dim: 64
                min_count: 1
                oov_buckets: 1
                dropout: 0.1
              - name: history
                type: sequence
                of: movie
                max_length: 50
                pooling: mean
              item:
              - name: movie
                type: id
                column: movie
                dim: 64
                min_count: 1
                oov_buckets: 1
                dropout: 0.0
            model:
              type: two_tower
              dim: 64
              query_hidden: []
              item_hidden: []
              query_combine: sum
              item_combine: sum
              activation: relu
              dropout: 0.0
              l2: 0.0
              normalize: true
            training:
              loss: in_batch_softmax
              negatives:
                uniform: 0
                frequency: 0
                log_uniform: 0
                queue: 0
                hard: 0
                hard_every: 100
              label_smoothing: 0.0
              examples: interactions
              context: past
              history_dropout: 0.0
              temperature: 0.15
              learn_temperature: false
              sampling_correction: exact
              accidental_hits: mask
              batch: 1024
              epochs: 60
              optimizer:
                dense: adam
                sparse: rowwise_adagrad
                dense_rate: 0.001
                sparse_rate: 0.1
              schedule:
                type: constant
                warmup: 0.0
              metric: recall@10
              patience: 5
              validate_every: 1
              refit: false
              checkpoint_every: 1
              max_validation_queries: 2000
              seed: 42
              device: auto
              devices: 1
              precision: tf32
            index:
              type: auto
              metric: inner_product
              pca: 0
              opq: 0
              min_recall: 0.95
              k: 100
              memory_limit: 0
              m: 32
              ef_construction: 200
              ef_search: 0
              lists: 0
              nprobe: 0
              over_fetch: 0
            rebuild:
              keep: 5
              probes: 200
              k: 10
              max_queries: 2000
              reproducible: true
              gates:
                min_size: 0.8
                max_size: 2.0
                max_missing: 0.1
                max_zero: 0.01
                max_equal: 0.1
                max_norm_drift: 0.2
                min_dimensions: 0.5
                min_index_recall: 0.95
                max_quality_drop: 0.05
                min_overlap: 0.3
                max_p99_millis: 50.0
            """);
  }

  @Test
  void everyProblemIsReportedAtOnceWithItsLine() throws Exception {
    Path file =
        file(
            """
            data:
              interactions: {path: pairs.csv, query: user, item: movie}
            training:
              bacth: 512
              temperature: -1
            index: {type: hnsw, m: many}
            """);

    assertThatThrownBy(() -> SpecReader.read(file, Map.of()))
        .asInstanceOf(type(SpecException.class))
        .extracting(SpecException::problems)
        .isEqualTo(
            List.of(
                new Problem(4, "training.bacth", "batch", "an unknown key"),
                new Problem(5, "training.temperature", "a number above 0", "'-1'"),
                new Problem(6, "index.m", "a whole number from 2 to 256", "'many'")));
  }

  @Test
  void writtenSpecificationsReadAsTheyWere() throws Exception {
    ModelSpec spec =
        SpecReader.read(
            file(
                """
                name: all
                data:
                  interactions: {path: a.tsv, delimiter: "\\t", columns: [u, i, r, t], query: u, item: i, time: t, weight: r, where: "r >= 4"}
                  queries: {jdbc: "jdbc:duckdb:x", sql: "SELECT * FROM q", key: u}
                  items: {path: i.parquet, key: i}
                  split: {type: provided, test: test.tsv, validation: 0.05, seed: 7}
                features:
                  query:
                    - {name: u, type: id, dim: 8}
                    - {name: history, type: sequence, of: i, max_length: 5, pooling: sum}
                    - {name: t, type: timestamp, parts: [hour, age]}
                  item:
                    - {name: i, type: categorical, dim: 8, min_count: 2, oov_buckets: 4}
                    - {name: genres, type: bag, separator: ",", dim: 4}
                    - {name: title, type: text, buckets: 100, dim: 4, ngrams: 2}
                    - {name: year, type: numeric, transform: bucketize, buckets: 7, dim: 3}
                    - {name: price, type: numeric, transform: log1p}
                model: {type: two_tower, dim: 16, query_hidden: [32, 16], item_hidden: [], activation: gelu, dropout: 0.1, l2: 1e-6, normalize: false}
                training: {learn_temperature: true, sampling_correction: streaming, accidental_hits: keep,
                           optimizer: {dense: sgd, sparse: adam, rate: 0.01}, schedule: {type: cosine, warmup: 0.1}, metric: ndcg@20}
                index: {type: factory, factory: "IVF16,Flat"}
                """),
            Map.of());
    Path again = folder.resolve("elsewhere").resolve("again.yaml");
    Files.createDirectories(again.getParent());
    Files.writeString(again, SpecReader.write(spec));

    assertThat(SpecReader.read(again, Map.of())).isEqualTo(spec);
  }

  @Test
  void overridesReplaceWhatTheFileSays() throws Exception {
    ModelSpec spec =
        SpecReader.read(
            file(MINIMAL), Map.of("training.epochs", "3", "model", "{type: popularity}"));

    assertThat(spec.training().epochs()).isEqualTo(3);
    assertThat(spec.model()).isInstanceOf(ModelConfig.Popularity.class);
  }

  @Test
  void overridesReachIntoListsByName() throws Exception {
    Path file =
        file(
            MINIMAL
                + """
                features:
                  query:
                    - {name: history, type: sequence, of: movie}
                  item:
                    - {name: movie, type: id, dim: 8}
                    - {name: year, type: numeric}
                """);

    ModelSpec spec = SpecReader.read(file, Map.of("features.query.history.max_length", "7"));
    FeatureSpec.Sequence history = (FeatureSpec.Sequence) spec.features().query().get(0);
    assertThat(history.maxLength()).isEqualTo(7);
    assertThatThrownBy(() -> SpecReader.read(file, Map.of("features.item.yaer.dim", "3")))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("yaer: expected the name of one in the list: movie, year, found");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          training.epochs               | none     | a whole number of at least 1
          data.split                    | temporal | data.interactions.time beside a temporal split
          index.type                    | factory  | a FAISS factory string, since type is factory
          index.factory                 | Flat     | type: factory beside it
          training.metric               | auc@10   | recall, ndcg, mrr, hit_rate or accuracy at a cut-off
          features.query                | []       | at least one feature
          data.interactions.jdbc        | jdbc:x   | either a path or a jdbc URL, not both
          model.query_hidden            | [0]      | whole numbers from 1 to 8192
          model.type                    | forest   | one of two_tower, softmax_dnn, matrix_factorization, popularity
          """)
  void impossibleValuesAreRefused(String key, String value, String expected) throws Exception {
    Path file = file(MINIMAL);

    assertThatThrownBy(() -> SpecReader.read(file, Map.of(key, value)))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining(expected);
  }

  @Test
  void sequencesMustNameAnItemId() throws Exception {
    Path file =
        file(
            MINIMAL
                + """
                features:
                  query: [{name: history, type: sequence, of: genre}]
                  item: [{name: genre, type: id}]
                """);

    assertThatThrownBy(() -> SpecReader.read(file, Map.of()))
        .hasMessageContaining(
            "line 4: features.query[0].of: expected the name of an item feature of type id");
  }

  @Test
  void repeatedKeysBrokenYamlAndMissingFilesAreRefused() throws Exception {
    Path repeated = file(MINIMAL + "name: a\nname: b\n");
    assertThatThrownBy(() -> SpecReader.read(repeated, Map.of()))
        .hasMessageContaining("line 4: name: expected each key once");
    Path broken = file("data: [");
    assertThatThrownBy(() -> SpecReader.read(broken, Map.of()))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("expected YAML");
    Path missing = folder.resolve("missing.yaml");
    assertThatThrownBy(() -> SpecReader.read(missing, Map.of()))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("missing.yaml");
  }

  private Path file(String yaml) throws IOException {
    Path file = folder.resolve("model.yaml");
    Files.writeString(file, yaml);
    return file;
  }
}
