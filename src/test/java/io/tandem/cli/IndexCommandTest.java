package io.tandem.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.artifact.Version;
import io.tandem.index.TopK;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code tandem index}: what it shows, and what another index keeps of the version. */
final class IndexCommandTest {
  @TempDir Path folder;
  private final PrintStream systemOut = System.out;
  private final PrintStream systemErr = System.err;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private Store store;

  @BeforeEach
  void captureAndPublish() throws IOException {
    store = Store.create(folder.resolve("store"));
    TestModels.publishTowers(folder, store, "{type: flat, k: 10}");
    System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restore() {
    System.setOut(systemOut);
    System.setErr(systemErr);
  }

  @Test
  void theIndexOfAVersionIsShown() throws IOException {
    String first = store.current().id();
    assertThat(index()).isZero();
    assertThat(output())
        .contains("Flat over 600 items × 8, inner product, in version " + first)
        .containsPattern(first + " +Flat +1.0000 @10 +0.9500 +600 +100.00 % +0.0 MB");

    Path report = folder.resolve("index.html");
    Path json = folder.resolve("index.json");
    assertThat(index("--set=index.type=ivf_pq_fast_scan", "--report=" + report, "--json=" + json))
        .isZero();
    String second = store.current().id();
    assertThat(output())
        .contains("Training index IVF", "Filling index IVF", "Tuning index IVF", "* the one in use")
        .contains("Published " + second, first)
        .containsPattern("\\* +[0-9]+ +[0-9]+ +0\\.9[0-9]+ ");
    assertThat(Files.readString(report)).contains("What recall costs", "<svg", "overFetch");
    JsonNode tree = new ObjectMapper().readTree(json.toFile());
    assertThat(tree.path("version").asText()).isEqualTo(second);
    assertThat(tree.path("index").path("recall").asDouble()).isGreaterThanOrEqualTo(0.95);
    assertThat(tree.path("promised").asDouble()).isEqualTo(0.95);
    assertThat(tree.path("report").path("curve").size()).isGreaterThan(2);
    assertThat(tree.path("report").path("queries").asInt()).isEqualTo(TestModels.QUERIES);

    assertThat(index(first)).isZero();
    assertThat(output()).contains("Flat over 600 items").doesNotContain("IVF");
  }

  @Test
  void anotherIndexKeepsTowersItemsAndHistory() {
    Version first = store.current();
    assertThat(index("--set", "index.type=hnsw", "--set", "index.min_recall=0.99")).isZero();
    Version second = store.current();
    assertThat(second.manifest().parent()).isEqualTo(first.id());
    assertThat(second.manifest().index().type()).isEqualTo("HNSW32");
    assertThat(second.manifest().index().towers()).isEqualTo(first.manifest().index().towers());
    assertThat(second.manifest().itemsAsOf()).isEqualTo(first.manifest().itemsAsOf());
    first
        .manifest()
        .files()
        .forEach(
            (name, info) -> {
              if (!name.equals("spec.yaml")
                  && !name.startsWith("index.")
                  && !name.equals("items.faiss")) {
                assertThat(second.manifest().files()).containsEntry(name, info);
              }
            });
    try (OpenVersion one = first.open();
        OpenVersion two = second.open()) {
      float[] vector = new float[8];
      one.index().vector(123, vector);
      TopK hits = new TopK();
      two.index().search(vector, 1, hits);
      float[] other = new float[8];
      two.index().vector(hits.row(0), other);
      assertThat(other).isEqualTo(vector);
    }
  }

  @Test
  void wrongValuesAreRefusedAndPublishNothing() {
    String first = store.current().id();
    assertThat(index("--set", "model.dim=4")).isEqualTo(2);
    assertThat(error()).contains("a key of the specification's index section", "found 'model.dim'");
    assertThat(index("--set", "index.type=tree", "--set", "index.min_recall=2")).isEqualTo(2);
    assertThat(error())
        .contains("2 problems", "index.type: expected one of", "index.min_recall: expected");
    assertThat(index("--memory-limit", "much")).isEqualTo(2);
    assertThat(error()).contains("index.memory_limit: expected bytes, such as 500 MB or 2 GB");
    assertThat(index("--memory-limit", "10 KB")).isEqualTo(1);
    assertThat(error())
        .contains(
            "nothing was published in",
            "expected an index of at most 0.010 MB (memory_limit), found that Flat needs about 0.019 MB");
    assertThat(index("--memory-limit=1MB", "--set=index.memory_limit=2MB")).isEqualTo(2);
    assertThat(error()).contains("either --memory-limit or --set index.memory_limit");
    assertThat(index("--set", "index={type: factory, factory: PQ1x4, min_recall: 1}")).isEqualTo(1);
    assertThat(error()).contains("index PQ1x4: expected recall@100 of at least 1.000, found 0.");
    assertThat(index("20200101T000000000Z-000000000000")).isEqualTo(1);
    assertThat(error()).contains("expected one of the versions [" + first);
    assertThat(store.versions()).containsExactly(first);
    assertThat(leftovers()).isEmpty();
  }

  @Test
  void codesAndScaledVectorsAreNotTakenForVectors() {
    assertThat(index("--set", "index.metric=cosine")).isZero();
    assertThat(index("--set", "index.metric=inner_product")).isEqualTo(1);
    assertThat(error())
        .contains("expected vectors with their lengths", "found those of metric cosine");
    assertThat(index("--set", "index.type=ivf_fp16")).isZero();
    assertThat(index("--set", "index.type=hnsw")).isEqualTo(1);
    assertThat(error())
        .contains("expected an index that keeps whole vectors", "found the codes of IVF15,SQfp16");
  }

  private Stream<Path> leftovers() {
    try (Stream<Path> paths = Files.list(folder.resolve("store/versions"))) {
      return paths.filter(path -> path.getFileName().toString().startsWith(".")).toList().stream();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private int index(String... arguments) {
    out.reset();
    err.reset();
    String[] call = new String[arguments.length + 2];
    call[0] = "index";
    call[1] = store.folder().toString();
    System.arraycopy(arguments, 0, call, 2, arguments.length);
    return Main.run(call);
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String error() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
