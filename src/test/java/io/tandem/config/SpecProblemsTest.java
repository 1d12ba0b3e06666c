package io.tandem.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SpecProblemsTest {
  private static final String MINIMAL =
      "data: {interactions: {path: clicks.csv, query: u, item: i}}\n";

  @TempDir Path folder;

  @Test
  void allMistakesAreReportedAtOnceEachWithItsLine() throws IOException {
    SpecException refused =
        refused(
            """
            data:
              interactions: {path: clicks.csv, query: u, item: i}
            training:
              epochs: many
              batch_size: 32
            index: {type: factory}
            """);

    assertThat(refused.problems())
        .containsExactly(
            new Problem(4, "training.epochs", "a whole number of at least 1", "'many'"),
            new Problem(5, "training.batch_size", "batch", "an unknown key"),
            new Problem(
                6, "index.factory", "a FAISS factory string, since type is factory", "nothing"));
    assertThat(refused)
        .hasMessageContaining("3 problems in")
        .hasMessageContaining("spec.yaml")
        .hasMessageContaining(
            "line 4: training.epochs: expected a whole number of at least 1, found 'many'");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '~',
      textBlock =
          """
          training: {temperature: 0}                  ~ training.temperature
          training: {temperature: .nan}               ~ training.temperature
          training: {temperature: [1]}                ~ training.temperature
          training: {learn_temperature: perhaps}      ~ training.learn_temperature
          training: {sampling_correction: some}       ~ training.sampling_correction
          training: {accidental_hits: drop}           ~ training.accidental_hits
          training: {loss: hinge}                     ~ training.loss
          training: {batch: 1}                        ~ training.batch
          training: {batch: 12.5}                     ~ training.batch
          training: {epochs: 99999999999}             ~ training.epochs
          training: {optimizer: {dense: lion}}        ~ training.optimizer.dense
          training: {optimizer: {sparse_rate: -1}}    ~ training.optimizer.sparse_rate
          training: {optimizer: {rate: 0}}            ~ training.optimizer.rate
          training: {schedule: {warmup: 1}}           ~ training.schedule.warmup
          training: {metric: recall}                  ~ training.metric
          training: {metric: auc@10}                  ~ training.metric
          training: {metric: recall@0}                ~ training.metric
          training: {seed: x}                         ~ training.seed
          training: {horizon: {from: 1, to: 2}}       ~ training.horizon
          training: {examples: positions, horizon: {from: 0}} ~ training.horizon.from
          training: {examples: positions, horizon: {from: 2, to: 1}} ~ training.horizon.to
          training: {devices: 0}                      ~ training.devices
          training: {devices: every}                  ~ training.devices
          training: {devices: 2, device: cpu}         ~ training.devices
          training: {devices: all, device: cpu}       ~ training.devices
          training: {devices: 8, batch: 4}            ~ training.devices
          training: {patience: -1}                    ~ training.patience
          training: nothing                           ~ training
          model: {dim: 0}                             ~ model.dim
          model: {dim: 1025}                          ~ model.dim
          model: {query_hidden: 128}                  ~ model.query_hidden
          model: {item_hidden: [0]}                   ~ model.item_hidden
          model: {activation: step}                   ~ model.activation
          model: {dropout: 1}                         ~ model.dropout
          model: {normalize: 2}                       ~ model.normalize
          model: {type: popularity, dim: 8}           ~ model.dim
          index: {type: flat, factory: Flat}          ~ index.factory
          index: {min_recall: 0}                      ~ index.min_recall
          index: {min_recall: 1.1}                    ~ index.min_recall
          index: {ef_search: -1}                      ~ index.ef_search
          index: {type: flat, pca: 8}                 ~ index.pca
          index: {type: hnsw, opq: 8}                 ~ index.opq
          index: {type: ivf_pq_fast_scan, pca: 8, opq: 8} ~ index.opq
          index: {memory_limit: much}                 ~ index.memory_limit
          index: {memory_limit: 5 parsecs}            ~ index.memory_limit
          index: {type: factory, factory: Flat, memory_limit: 1 GB} ~ index.memory_limit
          index: {metric: manhattan}                  ~ index.metric
          index: {over_fetch: 1001}                   ~ index.over_fetch
          name: "a/b"                                 ~ name
          features: {item: []}                        ~ features.item
          features: {item: [{name: i, type: id, dim: 2000}]}       ~ features.item[0].dim
          features: {item: [{name: i, type: idd}]}                 ~ features.item[0].type
          features: {item: [{name: i, type: id}, {name: x}]}       ~ features.item[1].type
          features: {item: [{name: i, type: id}, {type: text}]}    ~ features.item[1].name
          features: {item: [{name: i, type: id}, {name: i, type: text}]}  ~ features.item[1].name
          features: {item: [{name: i, type: id}, {name: s, type: sequence, of: i}]} ~ features.item[1].type
          features: {item: [{name: i, type: id, of: x}]}           ~ features.item[0].of
          features: {item: [{name: i, type: id}, {name: g, type: bag, separator: ""}]}  ~ features.item[1].separator
          features: {query: [{name: w, type: timestamp, parts: [year]}]}     ~ features.query[0].parts
          features: {query: [{name: n, type: numeric, buckets: 5}]}          ~ features.query[0].buckets
          features: {query: [{name: s, type: sequence}]}           ~ features.query[0].of
          features: {query: [{name: s, type: sequence, of: j}]}    ~ features.query[0].of
          """)
  void mistakesAreNamedByTheirKeyAndLine(String yaml, String key) throws IOException {
    SpecException refused = refused(MINIMAL + yaml);

    assertThat(refused.problems())
        .singleElement()
        .satisfies(
            problem -> {
              assertThat(problem.key()).isEqualTo(key);
              assertThat(problem.line()).isEqualTo(2);
              assertThat(problem.expected()).isNotBlank();
              assertThat(problem.found()).isNotBlank();
            });
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '~',
      textBlock =
          """
          {interactions: {query: u, item: i}}                      ~ data.interactions.path
          {interactions: {path: a, jdbc: b, sql: c, query: u, item: i}} ~ data.interactions.path
          {interactions: {jdbc: b, query: u, item: i}}             ~ data.interactions.sql
          {interactions: {path: a, item: i}}                       ~ data.interactions.query
          {interactions: {path: a, query: u}}                      ~ data.interactions.item
          {interactions: {path: a, query: u, item: i, format: xml}}      ~ data.interactions.format
          {interactions: {path: a, query: u, item: i, encoding: ebcdic}} ~ data.interactions.encoding
          {interactions: {path: a, query: u, item: i, columns: u}}       ~ data.interactions.columns
          {interactions: {path: a, query: u, item: i, columns: [u, v]}}  ~ data.interactions.item
          {interactions: {path: a, query: u, item: i, columns: [u, i, i]}} ~ data.interactions.columns
          {interactions: {path: a, query: u, item: u}}             ~ data.interactions.item
          {interactions: {path: a, query: u, item: i}, items: {path: b}}             ~ data.items.key
          {interactions: {path: a, query: u, item: i}, items: {key: b}}              ~ data.items.path
          {interactions: {path: a, query: u, item: i}, split: temporal}              ~ data.split.type
          {interactions: {path: a, query: u, item: i}, split: weekly}                ~ data.split.type
          {interactions: {path: a, query: u, item: i}, split: provided}              ~ data.split.test
          {interactions: {path: a, query: u, item: i}, split: {type: random, test: 1}}            ~ data.split.test
          {interactions: {path: a, query: u, item: i}, split: {type: random, test: .5, validation: .5}} ~ data.split.test
          {interactions: {path: a, query: u, item: i}, split: {type: provided, test: t, validation: 1.5}} ~ data.split.validation
          {interactions: {path: a, query: u, item: i}, split: {type: leave_last_out, test: .1}}   ~ data.split.test
          """)
  void mistakesOfTheDataAreNamedByTheirKey(String data, String key) throws IOException {
    SpecException refused = refused("data: " + data);

    assertThat(refused.problems()).extracting(Problem::key).containsExactly(key);
    assertThat(refused.problems().get(0).line()).isEqualTo(1);
  }

  @Test
  void emptyFileLacksInteractions() throws IOException {
    assertThat(refused("").problems())
        .extracting(Problem::key)
        .containsExactlyInAnyOrder(
            "data.interactions.path", "data.interactions.query", "data.interactions.item");
  }

  @Test
  void keysGivenTwiceAreRefused() throws IOException {
    assertThat(refused(MINIMAL + "training:\n  batch: 8\n  batch: 16\n").problems())
        .containsExactly(new Problem(4, "training.batch", "each key once", "it again"));
  }

  @Test
  void keyThatResemblesNoneIsAnsweredWithAllThatExist() throws IOException {
    assertThat(refused(MINIMAL + "hyperparameters: {}\n").problems())
        .containsExactly(
            new Problem(
                2,
                "hyperparameters",
                "one of data, features, index, model, name, rebuild, training, tune",
                "an unknown key"));
  }

  @Test
  void problemsOfOverridesBlameNoLine() throws IOException {
    Path file = write(MINIMAL);

    SpecException refused =
        refused(
            file,
            Map.of("training.epochs", "x", "data.split", "{type: random, test: 3}", "typo", "1"));

    assertThat(refused.problems())
        .extracting(Problem::line, Problem::key)
        .containsExactlyInAnyOrder(
            tuple(0, "training.epochs"), tuple(0, "data.split.test"), tuple(0, "typo"));
  }

  @Test
  void brokenYamlIsReportedWithItsLine() throws IOException {
    SpecException refused = refused("name: x\ndata: {interactions: [\n");

    assertThat(refused.problems())
        .singleElement()
        .satisfies(problem -> assertThat(problem.line()).isEqualTo(3));
  }

  @Test
  void fileThatIsNotThereIsOneProblem() {
    assertThat(refused(folder.resolve("absent.yaml"), Map.of()))
        .hasMessageContaining("absent.yaml")
        .hasMessageContaining("found no readable file of this name");
    assertThat(refused(folder, Map.of())).hasMessageContaining("found a folder");
  }

  @Test
  void bytesThatAreNotUtf8AreOneProblem() throws IOException {
    Path file = Files.write(folder.resolve("spec.yaml"), new byte[] {'a', (byte) 0xe9, 'b'});

    assertThat(refused(file, Map.of()))
        .hasMessageContaining("expected text in UTF-8, found other bytes");
  }

  @Test
  void listsWhereSectionsBelongAreRefused() throws IOException {
    assertThat(refused("- a\n- b\n").problems()).isNotEmpty();
    assertThat(refused("just text").problems()).isNotEmpty();
    assertThat(refused("? [a]\n: b\n").problems()).isNotEmpty();
    assertThat(refused("&a [*a]").problems()).isNotEmpty();
    assertThat(refused("[".repeat(5000)).problems()).isNotEmpty();
  }

  @Test
  void problemsComeInTheOrderOfTheirLines() throws IOException {
    SpecException refused = refused("index: {k: 0}\nmodel: {dim: 0}\n" + MINIMAL + "x: 1\n");

    assertThat(refused.problems()).extracting(Problem::line).isEqualTo(List.of(1, 2, 4));
  }

  private SpecException refused(String yaml) throws IOException {
    return refused(write(yaml), Map.of());
  }

  private static SpecException refused(Path file, Map<String, String> overrides) {
    SpecException refused =
        catchThrowableOfType(SpecException.class, () -> SpecReader.read(file, overrides));
    assertThat(refused).as("the specification was accepted").isNotNull();
    return refused;
  }

  private Path write(String yaml) throws IOException {
    return Files.writeString(folder.resolve("spec.yaml"), yaml);
  }
}
