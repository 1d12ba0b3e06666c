package io.tandem.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
import io.tandem.index.TopK;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that dies while it builds an index leaves the store as it was. */
final class IndexInterruptionTest {
  private static final int ITEMS = 12_000;

  @TempDir Path folder;

  @Test
  void aBuildThatIsStoppedOrKilledPublishesNothing() throws Exception {
    Path stored = folder.resolve("store");
    train(stored);
    Store store = Store.open(stored);
    String current = store.current().id();

    // As Ctrl-C does: the build ends, says so, and removes what it wrote.
    assertThat(dieWhileFilling(stored, false)).isEqualTo(128 + 15);
    assertThat(Files.readString(log()))
        .contains("nothing was published in", "interrupted while building index HNSW64");
    assertThat(leftovers(stored)).isEmpty();
    assertUntouched(store, current);

    // Nothing can be removed: the next writer does.
    assertThat(dieWhileFilling(stored, true)).isEqualTo(128 + 9);
    assertThat(leftovers(stored)).hasSize(1);
    assertUntouched(store, current);
    assertThat(Main.run("index", stored.toString(), "--set", "index.k=5")).isZero();
    assertThat(leftovers(stored)).isEmpty();
    assertThat(store.versions()).hasSize(2);
  }

  private void train(Path stored) throws IOException {
    Random random = new Random(3);
    StringBuilder events = new StringBuilder("user,item\n");
    for (int event = 0; event < ITEMS; event++) {
      events.append("u%d,i%d%n".formatted(random.nextInt(500), event));
    }
    Files.writeString(folder.resolve("events.csv"), events);
    Files.writeString(
        folder.resolve("model.yaml"),
        """
        data: {interactions: {path: events.csv, query: user, item: item}}
        model: {dim: 64}
        training: {batch: 1024, epochs: 1}
        index: {type: flat}
        """);
    String model = folder.resolve("model.yaml").toString();
    assertThat(Main.run("train", model, "--out", stored.toString())).isZero();
  }

  private int dieWhileFilling(Path stored, boolean atOnce) throws Exception {
    Process process =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElse("java"),
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "index",
                stored.toString(),
                "--set=index.type=hnsw",
                "--set=index.m=64",
                "--set=index.ef_construction=2000")
            .redirectErrorStream(true)
            .redirectOutput(log().toFile())
            .start();
    try {
      for (int wait = 0; !Files.readString(log()).contains("Filling index HNSW64"); wait++) {
        assertThat(process.isAlive()).as(Files.readString(log())).isTrue();
        assertThat(wait).as("tenths of a second").isLessThan(600);
        Thread.sleep(100);
      }
      Thread.sleep(300);
      assertThat(leftovers(stored)).as("a version is being written").hasSize(1);
      if (atOnce) {
        process.destroyForcibly();
      } else {
        process.destroy();
      }
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }

  private Path log() {
    return folder.resolve("log.txt");
  }

  private static void assertUntouched(Store store, String current) {
    assertThat(store.versions()).containsExactly(current);
    assertThat(store.current().id()).isEqualTo(current);
    assertThat(store.verify(current)).isEmpty();
    try (OpenVersion open = store.current().open()) {
      TopK hits = new TopK();
      open.index().search(new float[64], 3, hits);
      assertThat(hits.size()).isEqualTo(3);
    }
  }

  private static List<Path> leftovers(Path stored) throws IOException {
    try (Stream<Path> paths = Files.list(stored.resolve("versions"))) {
      return paths.filter(path -> path.getFileName().toString().startsWith(".writing")).toList();
    }
  }
}
