package io.tandem.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands as a user calls them: from files to answers, and what bad input gets. */
final class MainTest {
  @TempDir Path folder;
  private final PrintStream systemOut = System.out;
  private final PrintStream systemErr = System.err;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeEach
  void captureAndWriteData() throws IOException {
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
    Random random = new Random(2);
    StringBuilder events = new StringBuilder("user,item\n");
    for (int user = 0; user < 40; user++) {
      for (int event = 0; event < 8; event++) {
        events.append("u%d,i%d%n".formatted(user, random.nextInt(10) * 2 + user % 2));
      }
    }
    StringBuilder items = new StringBuilder("item,title,kind\n");
    for (int item = 0; item < 20; item++) {
      items.append("i%d,Title %d,Kind %d|new%n".formatted(item, item, item % 3));
    }
    Files.writeString(folder.resolve("events.csv"), events);
    Files.writeString(folder.resolve("items.csv"), items);
    Files.writeString(
        folder.resolve("model.yaml"),
        """
        data:
          interactions: {path: events.csv, query: user, item: item}
          items: {path: items.csv, key: item}
        model: {dim: 8, query_hidden: [], item_hidden: []}
        training: {batch: 64, epochs: 3, optimizer: {rate: 0.05}}
        """);
  }

  @AfterEach
  void restore() {
    System.setOut(systemOut);
    System.setErr(systemErr);
  }

  @Test
  void aStoreIsTrainedEvaluatedQueriedAndVerified() throws Exception {
    String store = folder.resolve("store").toString();

    assertThat(run("train", path("model.yaml"), "--out", store)).isZero();
    assertThat(output())
        .contains("Read 320 interactions of 40 queries with 20 items", "Published ");

    Path report = folder.resolve("report.html");
    assertThat(run("evaluate", store, "--k", "3,5", "--report", report.toString())).isZero();
    assertThat(output())
        .contains("popularity  excluded", "Differences, over pairs", "Recall@3 by segment");
    assertThat(Files.readString(report))
        .contains("<svg", "Specification", "Training loss", "item embeddings\"");

    assertThat(run("retrieve", store, "--query", "user=u1", "--exclude-seen", "--show", "title"))
        .isZero();
    assertThat(output()).contains("8 items in its history", "Title ");
    assertThat(run("retrieve", store, "--query", "history=i2,i4,nonsense", "-k", "3")).isZero();
    assertThat(output()).contains("3 items in its history");

    assertThat(run("retrieve", store, "--query", "user=u1", "--filter", "title = 'Title 7'"))
        .isZero();
    assertThat(output()).contains("i7").doesNotContain("i8");
    assertThat(run("retrieve", store, "--query", "user=u1", "--filter", "title = Title"))
        .isEqualTo(2);
    assertThat(error())
        .contains(
            "filter, character 9: expected a number, or a text in single quotes, found Title");
    assertThat(run("retrieve", store, "--query", "user=u1", "--filter", "genre = 'A'"))
        .isEqualTo(2);
    assertThat(error()).contains("no column 'genre'; the columns are title (categories)");

    assertThat(run("versions", store)).isZero();
    assertThat(output()).contains("two_tower", "Flat");
    assertThat(run("verify", store)).isZero();
    assertThat(output()).contains(": intact", "is current and opens: 20 items");
  }

  @Test
  void aStoreIsRebuiltRefusedForcedAndRolledBack() throws Exception {
    String store = folder.resolve("store").toString();
    Path metrics = folder.resolve("tandem.prom");
    run("train", path("model.yaml"), "--out", store);

    assertThat(run("rebuild", store, "--metrics", metrics.toString())).isZero();
    assertThat(output())
        .contains("step=read seconds=", "step=embed seconds=", "unchanged=20", "Published ");
    assertThat(Files.readString(metrics)).contains("tandem_rebuild_success{store=");

    List<String> items = Files.readAllLines(folder.resolve("items.csv"));
    Path half = Files.write(folder.resolve("half.csv"), items.subList(0, 11));
    assertThat(run("rebuild", store, "--items", half.toString())).isEqualTo(1);
    assertThat(output())
        .contains(
            "Gate size refused: expected 0.8 to 2 of the 20 items before, found 0.5: 10 items")
        .contains("Nothing was published");
    assertThat(run("rebuild", store, "--force", "size")).isEqualTo(2);
    assertThat(error()).contains("--force and --why: expected both or none of them");
    assertThat(run("rebuild", store, "--force", "sizes", "--why", "x")).isEqualTo(2);
    assertThat(error()).contains("expected one of the gates size, ");
    assertThat(
            run(
                "rebuild",
                store,
                "--items=" + half,
                "--set=rebuild.gates.min_overlap=0",
                "--set=rebuild.gates.max_quality_drop=1",
                "--force=size",
                "--why=retired"))
        .isZero();
    assertThat(run("versions", store)).isZero();
    assertThat(output()).contains("forced: size");
    assertThat(run("verify", store)).isZero();
    assertThat(output()).contains("is current and opens: 10 items", "of the exact top 10");
    assertThat(run("rollback", store)).isZero();
    assertThat(run("verify", store)).isZero();
    assertThat(output()).contains("is current and opens: 20 items");

    Files.writeString(folder.resolve("items.csv"), "item,title,kind\ni1,A,B\ni1,A,B\n");
    assertThat(run("rebuild", store)).isEqualTo(2);
    assertThat(error()).contains("expected each key once");
  }

  @Test
  void evaluationsAreWrittenAsJsonWithIntervalsSegmentsAndDifferences() throws Exception {
    String store = folder.resolve("store").toString();
    Path json = folder.resolve("figures.json");
    Path report = folder.resolve("report.html");
    run("train", path("model.yaml"), "--out", store);

    assertThat(
            run(
                "evaluate",
                store,
                "--k=3,5",
                "--json=" + json,
                "--report=" + report,
                "--color-by=kind"))
        .isZero();

    JsonNode tree = new ObjectMapper().readTree(json.toFile());
    assertThat(tree.path("results")).hasSize(8);
    JsonNode first = tree.path("results").get(0);
    assertThat(first.path("model").asText()).isEqualTo("model");
    assertThat(first.path("seenItems").asText()).isEqualTo("excluded");
    assertThat(first.path("k").asInt()).isEqualTo(3);
    assertThat(first.path("queries").asInt()).isPositive();
    for (String measure : List.of("recall", "precision", "ndcg", "mrr", "hitRate", "accuracy")) {
      JsonNode estimate = first.path("metrics").path(measure);
      assertThat(estimate.path("mean").asDouble())
          .isBetween(estimate.path("low").asDouble(), estimate.path("high").asDouble());
      assertThat(tree.path("differences").get(0).path("metrics").path(measure).has("mean"))
          .isTrue();
    }
    assertThat(first.path("popularityBias").path("selfInformation").asDouble()).isPositive();
    assertThat(first.path("segments").findValuesAsText("by"))
        .contains("query", "history length", "item", "item popularity");
    assertThat(first.path("segments").get(0).path("metrics").path("recall").has("low")).isTrue();
    assertThat(Files.readString(report)).contains("item embeddings, by kind\"");

    assertThat(run("evaluate", store, "--color-by=colour")).isEqualTo(2);
    assertThat(error()).contains("--color-by: expected one of [kind, title], found 'colour'");
  }

  @Test
  void itemsOfTheValidationSetAreWarmOnlyToAModelThatWasRefitted() throws Exception {
    // Of each user the last event is the test, the one before validation.
    Files.writeString(
        folder.resolve("events.csv"), "user,item\nu1,i1\nu1,i2\nu1,i1\nu2,i1\nu2,i1\nu2,i2\n");
    String store = folder.resolve("store").toString();
    String[] train = {
      "train", path("model.yaml"), "--out", store, "--set", "model={type: popularity}"
    };

    run(train);
    assertThat(run("evaluate", store, "--k", "5")).isZero();
    assertThat(output()).containsPattern("(?m)^item +cold +1 ");
    assertThat(run("evaluate", store, "--k", "5", "--split", "validation")).isZero();
    assertThat(output()).contains("Validation set, full corpus, 1 queries");

    String[] refitted = Arrays.copyOf(train, train.length + 2);
    refitted[train.length] = "--set";
    refitted[train.length + 1] = "training.refit=true";
    run(refitted);
    assertThat(run("evaluate", store, "--k", "5")).isZero();
    assertThat(output()).doesNotContainPattern("(?m)^item +cold ");
    assertThat(run("evaluate", store, "--split", "validation")).isEqualTo(2);
    assertThat(error()).contains("--split: expected test", "training.refit");
  }

  @Test
  void popularityIsAModelLikeAnyOther() {
    String store = folder.resolve("store").toString();

    assertThat(run("train", path("model.yaml"), "--out", store, "--set", "model.type=popularity"))
        .isEqualTo(2);
    assertThat(error()).contains("model.dim: expected", "an unknown key");
    assertThat(
            run("train", path("model.yaml"), "--out", store, "--set", "model={type: popularity}"))
        .isZero();
    assertThat(run("retrieve", store, "--query", "user=nobody", "-k", "2")).isZero();
    assertThat(run("evaluate", store, "--k", "5")).isZero();
  }

  @Test
  void aDamagedStoreIsNamedAndRefused() throws Exception {
    String store = folder.resolve("store").toString();
    run("train", path("model.yaml"), "--out", store, "--set", "model={type: popularity}");
    Path index = find("items.faiss");
    byte[] bytes = Files.readAllBytes(index);
    bytes[bytes.length / 2] ^= 1;
    Files.write(index, bytes);

    assertThat(run("verify", store)).isEqualTo(1);
    assertThat(output()).contains("1 problems", "items.faiss");
    assertThat(run("retrieve", store, "--query", "user=u1")).isEqualTo(1);
    assertThat(error()).contains("items.faiss").doesNotContain("\tat ");
  }

  @Test
  void wrongCallsAndInputsEndWithStatusTwoAndOneMessage() throws Exception {
    assertThat(run("train")).isEqualTo(2);
    assertThat(error()).contains("Missing required parameter: 'SPEC'");
    assertThat(run("train", path("nowhere.yaml"))).isEqualTo(2);
    assertThat(error()).contains("nowhere.yaml");
    Files.writeString(
        folder.resolve("bad.yaml"),
        "data:\n  interactions: {path: events.csv, query: user}\nbatch: 3\nindex: {k: 0}\n");
    assertThat(run("train", path("bad.yaml"))).isEqualTo(2);
    assertThat(error())
        .contains(
            "3 problems in",
            "line 2: data.interactions.item: expected the column of items, found nothing",
            "line 3: batch: expected",
            "line 4: index.k: expected a whole number from 1 to")
        .doesNotContain("\tat ");
    assertThat(run("train", path("model.yaml"), "--set", "data.interactions.query=who"))
        .isEqualTo(2);
    assertThat(error()).contains("no column 'who' (the query); its columns are user, item");

    String store = folder.resolve("store").toString();
    run("train", path("model.yaml"), "--out", store, "--set", "model={type: popularity}");
    assertThat(run("retrieve", store, "--query", "user=u1", "-k", "0")).isEqualTo(2);
    assertThat(error()).contains("k of at least 1, found 0");
    assertThat(run("retrieve", store, "--query", "user=u1", "-k", "1000")).isZero();
    assertThat(output()).contains("i19");
    assertThat(run("evaluate", store, "--k", "0")).isEqualTo(2);
    assertThat(run("evaluate", path("nothing"))).isEqualTo(1);
    assertThat(error()).contains("no such folder");
  }

  @Test
  void everyCommandTeachesItself() {
    List<String> commands =
        List.of(
            "train",
            "evaluate",
            "compare",
            "tune",
            "retrieve",
            "index",
            "versions",
            "verify",
            "rollback");
    for (String command : commands) {
      assertThat(run(command, "--help")).isZero();
      assertThat(output()).contains("Usage: tandem " + command);
    }
    assertThat(run("--help")).isZero();
    assertThat(output()).contains(commands).contains("Exit status:");
  }

  private int run(String... arguments) {
    out.reset();
    err.reset();
    return Main.run(arguments);
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String error() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private Path find(String name) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      List<Path> found = new ArrayList<>(files.filter(f -> f.endsWith(name)).toList());
      return found.get(0);
    }
  }
}
