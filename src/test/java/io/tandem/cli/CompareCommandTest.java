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
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models side by side, from their specifications to tables, JSON and a page. */
final class CompareCommandTest {
  private static final String DATA =
      """
      data:
        interactions: {path: events.csv, query: user, item: item}
        items: {path: items.csv, key: item}
      """;

  @TempDir Path folder;
  private final PrintStream systemOut = System.out;
  private final PrintStream systemErr = System.err;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeEach
  void captureAndWriteData() throws IOException {
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
    writeEvents(2);
    StringBuilder items = new StringBuilder("item,title,kind\n");
    for (int item = 0; item < 20; item++) {
      items.append("i%d,Title %d,Kind %d|new%n".formatted(item, item, item % 3));
    }
    write("items.csv", items.toString());
    write(
        "towers.yaml",
        DATA
            + """
            model: {dim: 8, query_hidden: [], item_hidden: []}
            training: {batch: 64, epochs: 2, seed: 5, optimizer: {rate: 0.05}}
            """);
    write(
        "als.yaml",
        DATA + "model: {type: matrix_factorization, dim: 4, sweeps: 2}\ntraining: {seed: 5}\n");
  }

  @AfterEach
  void restore() {
    System.setOut(systemOut);
    System.setErr(systemErr);
  }

  @Test
  void modelsAreMeasuredSideBySideWithPopularityAddedAndNothingIsTrainedTwice() throws Exception {
    Path report = folder.resolve("report.html");
    String[] call = {
      "compare",
      path("towers.yaml"),
      path("als.yaml"),
      "--out=" + path("runs"),
      "--k=3,5",
      "--json=" + path("a.json"),
      "--report=" + report,
      "--color-by=kind"
    };

    assertThat(run(call)).isZero();
    assertThat(output())
        .contains("[1/3] towers, seed 5", "[2/3] als, seed 5", "[3/3] popularity, seed 5")
        .contains("95 % intervals", "Differences", "Recall@3 by segment");
    JsonNode json = json("a.json");
    // Three models, seen items excluded and ranked, two cut-offs.
    assertThat(json.path("results")).hasSize(12);
    assertThat(json.path("models").findValuesAsText("model"))
        .contains("towers", "als", "popularity");
    assertThat(json.path("models").get(0).path("seconds").path("mean").asDouble()).isPositive();
    JsonNode first = json.path("results").get(0);
    assertThat(first.path("metrics").path("recall").has("low")).isTrue();
    assertThat(first.path("popularityBias").has("top1Percent")).isTrue();
    assertThat(first.path("segments").findValuesAsText("by"))
        .contains("history length", "item popularity");
    assertThat(json.path("differences")).hasSize(8);
    assertThat(json.path("differences").get(0).path("from").asText()).isEqualTo("towers");
    assertThat(Files.readString(report))
        .contains("towers: item embeddings, by kind\"", "als: item embeddings", "Training loss")
        .contains("norm of item embeddings");

    call[5] = "--json=" + path("b.json");
    assertThat(run(call)).isZero();
    assertThat(output())
        .contains("[1/3] towers, seed 5 is trained already", "[3/3] popularity, seed 5 is trained")
        .doesNotContain("epoch ");
    assertThat(json("b.json")).isEqualTo(json);
  }

  @Test
  void seedsAreShownAsMeanAndDeviationAndOnlyWhatIsNewIsTrained() throws Exception {
    run("compare", path("towers.yaml"), "--out=" + path("runs"), "--k=3");
    assertThat(
            run(
                "compare",
                path("towers.yaml"),
                "--seeds=2",
                "--out=" + path("runs"),
                "--k=3",
                "--json=" + path("a.json")))
        .isZero();

    assertThat(output())
        .contains("[1/3] towers, seed 5 is trained already", "[2/3] towers, seed 6\n")
        .contains("mean ± deviation over seeds", " ± ");
    JsonNode towers = json("a.json").path("overSeeds").get(0);
    List<Double> recalls =
        json("a.json").path("results").findParents("seed").stream()
            .filter(each -> each.path("model").asText().equals("towers"))
            .filter(each -> each.path("seenItems").asText().equals("excluded"))
            .map(each -> each.path("metrics").path("recall").path("mean").asDouble())
            .toList();
    assertThat(recalls).hasSize(2);
    JsonNode recall = towers.path("metrics").path("recall");
    assertThat(recall.path("n").asInt()).isEqualTo(2);
    assertThat(recall.path("mean").asDouble()).isEqualTo((recalls.get(0) + recalls.get(1)) / 2);
  }

  @Test
  void variantsAreTheSameSpecificationWithOtherValues() throws Exception {
    assertThat(
            run(
                "compare",
                path("towers.yaml"),
                "--variant=wide:model.query_hidden=[16, 8],model.dim=8",
                "--variant=warm:training.temperature=0.5",
                "--out=" + path("runs"),
                "--k=3"))
        .isZero();
    assertThat(output())
        .contains("[1/4] towers, seed 5", "[2/4] towers-wide, seed 5", "[3/4] towers-warm");

    assertThat(run("compare", path("towers.yaml"), "--variant=wide")).isEqualTo(2);
    assertThat(error()).contains("--variant: expected NAME:KEY=VALUE[,KEY=VALUE...], found wide");
  }

  @Test
  void changedDataIsTrainedAfresh() throws Exception {
    run("compare", path("als.yaml"), "--out=" + path("runs"));
    writeEvents(3);

    assertThat(run("compare", path("als.yaml"), "--out=" + path("runs"))).isZero();
    assertThat(output()).doesNotContain("trained already");
  }

  @Test
  void modelsOfOtherDataAreRefusedAndTheDifferenceIsNamed() throws Exception {
    write(
        "other.yaml", DATA.replace("key: item}", "key: item}\n  split: {type: random, test: 0.3}"));

    assertThat(run("compare", path("towers.yaml"), path("other.yaml"))).isEqualTo(2);
    assertThat(error())
        .contains("data.split.type: leave_last_out in towers, random in other")
        .doesNotContain("\tat ");
    assertThat(run("compare", path("towers.yaml"), path("towers.yaml"))).isEqualTo(2);
    assertThat(error()).contains("found 'towers' twice");
    assertThat(run("compare", path("towers.yaml"), "--seeds=0")).isEqualTo(2);
    assertThat(error()).contains("--seeds: expected a number of at least 1, found 0");
  }

  @Test
  void aSearchEndsWithATableAndASpecificationThatTrains() throws Exception {
    write(
        "tuned.yaml",
        Files.readString(folder.resolve("towers.yaml"))
            + "tune: {training.optimizer.rate: [0.000001, 0.05]}\n");
    String out = path("search");

    assertThat(
            run("tune", path("tuned.yaml"), "--trials=2", "--out", out, "--json", path("t.json")))
        .isZero();
    assertThat(output())
        .contains("[trial 1] 2 epochs, --set training.optimizer.rate=")
        .contains("Validation set, best first", "Best: --set training.optimizer.rate=0.05\n");
    JsonNode json = json("t.json");
    assertThat(json.path("trials")).hasSize(2);
    assertThat(json.path("metric").asText()).isEqualTo("recall@10");
    assertThat(json.path("best").path("status").asText()).isEqualTo("done");
    assertThat(run("compare", out + "/best.yaml", path("tuned.yaml"), "--set", "name=a"))
        .isEqualTo(2);
    assertThat(run("train", out + "/best.yaml", "--out", path("store"))).isZero();

    assertThat(run("tune", path("tuned.yaml"), "--trials=2", "--out", out)).isZero();
    assertThat(output()).contains("recorded before").doesNotContain("2 epochs, --set");
    assertThat(run("tune", path("towers.yaml"), "--trials=2", "--out", out)).isEqualTo(2);
    assertThat(error()).contains("found no tune section");
  }

  /** Even users like even items. */
  private void writeEvents(long seed) throws IOException {
    Random random = new Random(seed);
    StringBuilder events = new StringBuilder("user,item\n");
    for (int user = 0; user < 40; user++) {
      for (int event = 0; event < 8; event++) {
        events.append("u%d,i%d%n".formatted(user, random.nextInt(10) * 2 + user % 2));
      }
    }
    write("events.csv", events.toString());
  }

  private JsonNode json(String name) throws IOException {
    return new ObjectMapper().readTree(folder.resolve(name).toFile());
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

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }
}
