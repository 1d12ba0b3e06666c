package io.tandem.rebuild;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.ExclusiveFile;
import io.tandem.artifact.Manifest;
import io.tandem.artifact.Manifest.Verdict;
import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Publisher;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.artifact.Version;
import io.tandem.config.SpecReader;
import io.tandem.data.DataException;
import io.tandem.rebuild.RebuildResult.Outcome;
import io.tandem.training.TrainingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RebuildTest {
  @TempDir Path folder;
  private Store store;
  private Version first;

  @BeforeEach
  void publish() throws IOException {
    store = Store.create(folder.resolve("store"));
    first = TestModels.publishTowers(folder, store, "{type: flat}");
  }

  @Test
  void anUnchangedCatalogueIsTakenOverWithoutEmbeddingIt() throws IOException {
    RebuildResult result = Rebuild.of(store).run();
    assertThat(result.outcome()).isEqualTo(Outcome.PUBLISHED);
    assertThat(result.items())
        .isEqualTo(
            new Manifest.Rebuilt(
                folder.resolve("movies.csv").toString(), 0, 0, 0, TestModels.ITEMS, 0, false));
    Version second = store.current();
    assertThat(second.id()).isEqualTo(result.version());
    assertThat(second.manifest().parent()).isEqualTo(first.id());
    assertThat(second.manifest().files()).isEqualTo(first.manifest().files());
    assertThat(store.verify(second.id())).isEmpty();
  }

  @Test
  void addedChangedAndRemovedItemsAreFound() throws IOException {
    edit(
        lines -> {
          lines.removeIf(line -> line.startsWith("m7,") || line.startsWith("m8,"));
          lines.replaceAll(line -> line.startsWith("m9,") ? "m9,Another film,A,1950" : line);
          lines.add("new1,Brand new,C,2001");
        });
    RebuildResult result = Rebuild.of(store).run();
    assertThat(result.items())
        .isEqualTo(
            new Manifest.Rebuilt(
                folder.resolve("movies.csv").toString(), 1, 1, 2, TestModels.ITEMS - 3, 2, false));
    try (OpenVersion open = store.openCurrent()) {
      assertThat(open.items().size()).isEqualTo(TestModels.ITEMS - 1);
      assertThat(open.items().indexOf("m7")).isNegative();
      assertThat(open.items().indexOf("new1")).isNotNegative();
      int row = open.items().indexOf("m9");
      assertThat(open.texts().text(row, open.texts().columns().indexOf("title")))
          .isEqualTo("Another film");
    }
  }

  @Test
  void whatIsTakenOverIsWhatEmbeddingGives() throws IOException {
    edit(lines -> lines.replaceAll(line -> line.startsWith("m9,") ? "m9,New,A,1950" : line));
    Rebuild.of(store).run();
    Manifest takenOver = store.current().manifest();
    Store other = Store.create(folder.resolve("other"));
    try (OpenVersion open = first.open()) {
      TestModels.publish(
          SpecReader.read(first.spec(), Map.of()),
          new Publisher.Towers(Objects.requireNonNull(open.querySide()).features(), first.towers()),
          other);
    }
    // Vectors are equal to rounding; all else is to the byte.
    assertThat(withoutVectors(other.current().manifest())).isEqualTo(withoutVectors(takenOver));
    try (OpenVersion one = store.openCurrent();
        OpenVersion two = other.openCurrent()) {
      float[] first = new float[one.index().dimension()];
      float[] second = new float[first.length];
      for (int row = 0; row < one.items().size(); row++) {
        one.index().vector(row, first);
        two.index().vector(row, second);
        assertThat(second).usingComparatorWithPrecision(1e-5f).containsExactly(first);
      }
    }
  }

  @Test
  void itemsOfAnotherFileAreReadAsTheSpecificationsAre() throws IOException {
    Path export = folder.resolve("export.csv");
    Files.writeString(
        export, Files.readString(folder.resolve("movies.csv")) + "extra,From the export,A,1999\n");
    RebuildResult result = Rebuild.of(store).items(export).run();
    assertThat(result.items()).extracting(Manifest.Rebuilt::added).isEqualTo(1);
    assertThat(result.items()).extracting(Manifest.Rebuilt::source).isEqualTo(export.toString());
  }

  @Test
  void aHalfEmptyExportIsRefusedAndKeptForInspection() throws IOException {
    edit(lines -> lines.subList(TestModels.ITEMS / 2, lines.size()).clear());
    RebuildResult result = Rebuild.of(store).run();
    assertThat(result.outcome()).isEqualTo(Outcome.REFUSED);
    assertThat(result.refused()).extracting(Manifest.Gate::name).contains("size");
    assertThat(gate(result, "size").expected()).isEqualTo("0.8 to 2 of the 600 items before");
    assertThat(gate(result, "size").found()).isEqualTo("0.4983: 299 items");
    assertThat(store.currentId()).contains(first.id());
    assertThat(store.versions()).containsExactly(first.id());
    assertThat(store.candidates()).containsExactly(result.version());
    assertThat(store.folder().resolve("candidates").resolve(result.version()))
        .isDirectoryContaining("glob:**manifest.json");
  }

  @Test
  void aRefusedGateIsOverruledForAReasonThatIsKept() throws IOException {
    edit(lines -> lines.subList(TestModels.ITEMS / 2, lines.size()).clear());
    RebuildResult refused = Rebuild.of(store).run();
    Rebuild forced = Rebuild.of(store);
    refused.refused().forEach(gate -> forced.force(gate.name(), "half was retired"));
    assertThat(forced.run().outcome()).isEqualTo(Outcome.PUBLISHED);
    Manifest.Gate size =
        store.current().manifest().gates().stream()
            .filter(gate -> gate.name().equals("size"))
            .findFirst()
            .orElseThrow();
    assertThat(size.verdict()).isEqualTo(Verdict.FORCED);
    assertThat(size.why()).isEqualTo("half was retired");
    assertThatThrownBy(() -> Rebuild.of(store).force("sizes", "x"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected one of the gates size, ");
  }

  @Test
  void aColumnThatWentMissingIsRefused() throws IOException {
    edit(lines -> lines.replaceAll(line -> line.replaceAll(",(A\\|B|C),", ",,")));
    RebuildResult result = Rebuild.of(store).run();
    assertThat(result.outcome()).isEqualTo(Outcome.REFUSED);
    assertThat(gate(result, "missing").verdict()).isEqualTo(Verdict.REFUSED);
    assertThat(gate(result, "missing").found()).isEqualTo("1 of feature 'genres' (1, was 0)");
  }

  @Test
  void everyGateIsInManifestReportsAndMetrics() throws IOException {
    Path metrics = folder.resolve("textfiles/tandem.prom");
    RebuildResult result = Rebuild.of(store).metrics(metrics).run();
    assertThat(result.gates()).extracting(Manifest.Gate::name).isEqualTo(Gates.NAMES);
    assertThat(result.gates()).noneMatch(gate -> gate.verdict() == Verdict.REFUSED);
    assertThat(store.current().manifest().gates()).isEqualTo(result.gates());
    Path run = store.folder().resolve("rebuilds").resolve(result.run());
    JsonNode json = new ObjectMapper().readTree(run.resolve("report.json").toFile());
    assertThat(json.path("gates")).hasSize(Gates.NAMES.size());
    assertThat(json.path("steps").findValuesAsText("step"))
        .containsExactly(
            "LOCK", "OPEN", "READ", "PREPARE", "EMBED", "BUILD", "WRITE", "GATES", "PUBLISH",
            "PRUNE");
    assertThat(json.path("probes").path("examples")).hasSize(10);
    assertThat(Files.readString(run.resolve("report.html")))
        .contains("index_recall", "Lengths of item vectors", "Example queries", "Film né");
    assertThat(Files.readString(metrics))
        .contains("tandem_rebuild_success{", "tandem_rebuild_gate{gate=\"overlap\"")
        .contains("tandem_rebuild_items{kind=\"unchanged\"");
  }

  @Test
  void aSourceThatFailsLeavesEverythingAndIsReported() throws IOException {
    Path metrics = folder.resolve("tandem.prom");
    Files.writeString(
        folder.resolve("movies.csv"), "movieId,title,genres,year\nm1,A,B,1\nm1,A,B,1\n");
    assertThatThrownBy(() -> Rebuild.of(store).metrics(metrics).run())
        .isInstanceOf(DataException.class)
        .hasMessageContaining("expected each key once");
    assertThat(store.currentId()).contains(first.id());
    assertThat(store.verify(first.id())).isEmpty();
    assertThat(Files.readString(metrics)).contains("tandem_rebuild_outcome{outcome=\"failed\"");
    try (Stream<Path> runs = Files.list(store.folder().resolve("rebuilds"))) {
      assertThat(runs.map(run -> read(run.resolve("report.json"))).collect(Collectors.joining()))
          .contains("expected each key once", "FAILED");
    }
  }

  @Test
  void aDatabaseThatDiesMidwayLeavesEverythingAndTheNextRebuildGoesOn() throws Exception {
    DyingDatabase database = new DyingDatabase(20_000, "movieId", "title", "genres", "year");
    DriverManager.registerDriver(database);
    try {
      assertThatThrownBy(
              () ->
                  Rebuild.of(store)
                      .set(
                          "data.items",
                          "{jdbc: '%s', sql: select, key: movieId}".formatted(DyingDatabase.URL))
                      .run())
          .isInstanceOf(DataException.class)
          .hasMessage("jdbc:dying: connection reset");
    } finally {
      DriverManager.deregisterDriver(database);
    }
    assertThat(database.rows()).isEqualTo(20_000);
    assertThat(store.currentId()).contains(first.id());
    assertThat(store.verify(first.id())).isEmpty();
    assertThat(store.candidates()).isEmpty();
    try (Stream<Path> versions = Files.list(store.folder().resolve("versions"))) {
      assertThat(versions).containsExactly(first.folder());
    }
    assertThat(Rebuild.of(store).run().outcome()).isEqualTo(Outcome.PUBLISHED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"hnsw", "ivf_flat", "ivf_sq8", "ivf_pq_fast_scan"})
  void theSameInputsGiveTheSameBytesWhateverTheIndex(String type) throws IOException {
    Catalogues.grow(folder, 5_000);
    Path other = folder.resolve("other");
    CrashTest.copy(store.folder(), other);
    for (Store each : List.of(store, Store.open(other))) {
      RebuildResult result =
          Catalogues.rebuild(each)
              .set("index.type", type)
              .set("index.min_recall", "0.5")
              .set("rebuild.gates.min_index_recall", "0.5")
              .run();
      assertThat(result.refused()).isEmpty();
    }
    Map<String, ?> files = store.current().manifest().files();
    assertThat(Store.open(other).current().manifest().files()).isEqualTo(files);
    assertThat(store.current().manifest().items()).isEqualTo(TestModels.ITEMS + 5_000);
  }

  @Test
  void oneRebuildAtATimeAndTheMessageSaysWhoseItIs() throws Exception {
    try (ExclusiveFile lock =
        ExclusiveFile.take(
            store.folder(), Rebuild.LOCK, "process 7 since " + java.time.Instant.EPOCH)) {
      assertThat(lock.leftBy()).isNull();
      assertThatThrownBy(() -> Rebuild.of(store).run())
          .isInstanceOf(ArtifactException.class)
          .hasMessageContaining("expected no other rebuild, found one at work: process 7")
          .hasMessageContaining("since 1970-01-01T00:00:00Z");
    }
  }

  @Test
  void theLockOfADeadProcessIsTakenOver() throws IOException {
    Files.writeString(store.folder().resolve("rebuild.lock"), "process 1 since 2026\n");
    RebuildResult result = Rebuild.of(store).run();
    assertThat(result.steps().get(0).facts()).containsEntry("left_by", "process 1 since 2026");
    assertThat(store.folder().resolve("rebuild.lock")).isEmptyFile();
  }

  @Test
  void oldVersionsGoButNotThoseInUse() throws IOException {
    try (OpenVersion held = first.open()) {
      for (int i = 0; i < 4; i++) {
        Rebuild.of(store).keep(2).run();
      }
      assertThat(store.versions()).hasSize(3).contains(first.id());
      assertThat(held.items().key(0)).isEqualTo("m0");
    }
    RebuildResult result = Rebuild.of(store).keep(2).run();
    assertThat(result.pruned()).contains(first.id());
    assertThat(store.versions()).hasSize(2);
  }

  @Test
  void towersAreTrainedAnewFromWhatTheyLearnedAndPublishedWithTheirIndex() throws IOException {
    RebuildResult result =
        Rebuild.of(store)
            .set("training.epochs", "2")
            .set("rebuild.gates.min_overlap", "0")
            .set("rebuild.gates.max_quality_drop", "1")
            .train(TrainingListener.NONE)
            .run();
    assertThat(result.refused()).isEmpty();
    assertThat(result.items()).extracting(Manifest.Rebuilt::trained).isEqualTo(true);
    assertThat(result.items()).extracting(Manifest.Rebuilt::unchanged).isEqualTo(TestModels.ITEMS);
    assertThat(result.items()).extracting(Manifest.Rebuilt::embedded).isEqualTo(TestModels.ITEMS);
    Step.Done trained =
        result.steps().stream().filter(d -> d.step() == Step.TRAIN).findFirst().orElseThrow();
    assertThat(trained.facts())
        .hasEntrySatisfying("warm_rows", rows -> assertThat((Long) rows).isGreaterThan(100));
    assertThat(store.current().manifest().index().towers())
        .isNotEqualTo(first.manifest().index().towers());
    store.current().open().close();
    assertThat(store.folder().resolve("rebuild")).doesNotExist();
  }

  @Test
  void trainingAnewTwiceGivesTheSameBytes() throws IOException {
    Manifest once = trained(store);
    Store other = Store.create(folder.resolve("other"));
    TestModels.publishTowers(folder, other, "{type: flat}");
    assertThat(trained(other).files()).isEqualTo(once.files());
  }

  @Test
  void whatTheTowersAreCannotChangeWithoutTraining() {
    assertThatThrownBy(() -> Rebuild.of(store).set("model.dim", "16").run())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("model.dim: expected a key of data, index or rebuild");
  }

  private static Map<String, ?> withoutVectors(Manifest manifest) {
    Map<String, Object> files = new java.util.TreeMap<>(manifest.files());
    files.keySet().removeIf(name -> name.matches("items\\.faiss|index\\.json"));
    return files;
  }

  private static Manifest trained(Store store) {
    Rebuild.of(store)
        .set("rebuild.gates.min_overlap", "0")
        .set("rebuild.gates.max_quality_drop", "1")
        .train(TrainingListener.NONE)
        .run();
    Manifest manifest = store.current().manifest();
    assertThat(manifest.rebuilt()).extracting(Manifest.Rebuilt::trained).isEqualTo(true);
    return manifest;
  }

  private static Manifest.Gate gate(RebuildResult result, String name) {
    return result.gates().stream()
        .filter(gate -> gate.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private void edit(java.util.function.Consumer<List<String>> edit) throws IOException {
    Path file = folder.resolve("movies.csv");
    List<String> lines = new java.util.ArrayList<>(Files.readAllLines(file));
    edit.accept(lines);
    Files.write(file, lines);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
