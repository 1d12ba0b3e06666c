package io.tandem.rebuild;

import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Disk;
import io.tandem.artifact.Store;
import io.tandem.rebuild.FailingDisk.Died;
import io.tandem.rebuild.FailingDisk.How;
import io.tandem.rebuild.RebuildResult.Outcome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A rebuild that dies anywhere leaves a whole store behind, and the next one publishes what the
 * first would have. {@code -Dtandem.stress=full} fails at every step and kills hundreds of jobs; by
 * default some steps are passed over and fewer jobs die.
 */
class CrashTest {
  private static final boolean FULL = "full".equals(System.getProperty("tandem.stress"));

  /** Stores that a process works on at a time. */
  private static final int JOBS = 4;

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(How.class)
  void failingAtAnyFileOperationLeavesAWholeStoreThatTheNextRebuildMends(How how)
      throws IOException {
    Store store = Catalogues.grown(folder, 50);
    Path initial = folder.resolve("initial");
    copy(store.folder(), initial);
    Path rebuilt = folder.resolve("rebuilt");
    copy(initial, rebuilt);
    FailingDisk counting = new FailingDisk(Integer.MAX_VALUE, how);
    Catalogues.rebuild(Store.open(rebuilt, counting, Clock.systemUTC())).run();
    Map<String, ?> expected = Catalogues.files(Store.open(rebuilt));
    int steps = counting.steps();
    assertThat(steps).isGreaterThan(100);

    int failures = 0;
    int stride = FULL ? 1 : steps / 7;
    for (int failAt = FULL ? 0 : stride / 2; failAt < steps; failAt += stride) {
      Path victim = folder.resolve("victim-" + failAt);
      copy(initial, victim);
      failures += fails(Store.open(victim, new FailingDisk(failAt, how), Clock.systemUTC()));
      Store left = Store.open(victim);
      Catalogues.assertWhole(left);
      Optional<String> current = left.currentId();
      assertThat(current).isPresent();
      assertThat(Catalogues.rebuild(left).run().outcome())
          .as("after step %d", failAt)
          .isEqualTo(Outcome.PUBLISHED);
      Catalogues.assertWhole(left);
      assertThat(Catalogues.files(left)).as("after step %d", failAt).isEqualTo(expected);
      try (Stream<Path> versions = Files.list(victim.resolve("versions"))) {
        assertThat(versions.map(path -> path.getFileName().toString()))
            .as("leftovers after step %d", failAt)
            .allMatch(name -> left.versions().contains(name));
      }
      Disk.REAL.deleteAll(victim);
    }
    System.out.printf("%s: failed at %d of %d file operations%n", how, failures, steps);
    assertThat(failures).isGreaterThan(FULL ? 100 : 5);
  }

  @Test
  void jobsKilledAtAnyMomentAreContinuedToTheSameBytes() throws Exception {
    Store store = Catalogues.grown(folder, 9_000);
    Path initial = folder.resolve("initial");
    copy(store.folder(), initial);
    Path whole = folder.resolve("whole");
    copy(initial, whole);
    Catalogues.rebuild(Store.open(whole)).run();
    Map<String, ?> expected = Catalogues.files(Store.open(whole));
    List<Path> victims = new ArrayList<>();
    for (int job = 0; job < JOBS; job++) {
      Path victim = folder.resolve("victim-" + job);
      copy(initial, victim);
      victims.add(victim);
    }
    double millis = Killed.millisToRebuildAll(folder, victims);

    Random random = new Random(11);
    int kills = FULL ? 100 : 8;
    Traces traces = new Traces();
    for (int kill = 0; kill < kills; kill++) {
      Killed.after(random.nextDouble() * millis, folder, victims);
      for (Path victim : victims) {
        traces.count(victim);
        Store left = Store.open(victim);
        Catalogues.assertWhole(left);
        // Most are left to the next process, which may die of them too.
        if (random.nextInt(3) == 0) {
          assertThat(Catalogues.rebuild(left).run().outcome()).isEqualTo(Outcome.PUBLISHED);
          Catalogues.assertWhole(left);
          assertThat(Catalogues.files(left)).isEqualTo(expected);
          Disk.REAL.deleteAll(victim);
          copy(initial, victim);
        }
      }
    }
    System.out.printf("%d processes of %d jobs killed: %s%n", kills, JOBS, traces);
    assertThat(traces.died).isGreaterThan(FULL ? 200 : 8);
    assertThat(traces.halfWritten).isPositive();
  }

  @Test
  void embeddedChunksOfADeadJobAreNotEmbeddedAgain() throws IOException {
    Store store = Catalogues.grown(folder, 20_000);
    FailingDisk disk = new FailingDisk(Integer.MAX_VALUE, How.DEAD);
    // Dies where the index would be written: everything is embedded by then.
    Store dying = Store.open(store.folder(), new DiesAt("items.faiss"), Clock.systemUTC());
    assertThat(fails(dying)).isEqualTo(1);
    RebuildResult result =
        Catalogues.rebuild(Store.open(store.folder(), disk, Clock.systemUTC())).run();
    Step.Done embedded =
        result.steps().stream().filter(d -> d.step() == Step.EMBED).findFirst().orElseThrow();
    assertThat(embedded.facts()).containsEntry("resumed", 20_000L);
  }

  private static int fails(Store store) {
    try {
      Catalogues.rebuild(store).run();
      return 0;
    } catch (ArtifactException | UncheckedIOException | Died e) {
      assertThat(e).hasMessageMatching("(?s).*(No space left on device|died).*");
      return 1;
    }
  }

  /** What deaths left behind. */
  private static final class Traces {
    private int died;
    private int chunks;
    private int halfWritten;
    private int announced;

    void count(Path store) throws IOException {
      // A job that ends, well or not, leaves the file of its lock empty.
      Path lock = store.resolve("rebuild.lock");
      if (!Files.exists(lock) || Files.size(lock) == 0) {
        return;
      }
      died++;
      chunks += Files.isDirectory(store.resolve("rebuild/chunks")) ? 1 : 0;
      announced += Files.exists(store.resolve("PUBLISHING")) ? 1 : 0;
      try (Stream<Path> versions = Files.list(store.resolve("versions"))) {
        halfWritten +=
            versions.anyMatch(path -> path.getFileName().toString().startsWith(".")) ? 1 : 0;
      }
    }

    @Override
    public String toString() {
      return "%d died at work, of which %d left embedded chunks, %d a version half written or deleted, %d one being published"
          .formatted(died, chunks, halfWritten, announced);
    }
  }

  static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> walk = Files.walk(from)) {
      for (Path path : walk.toList()) {
        Files.copy(path, to.resolve(from.relativize(path).toString()));
      }
    }
  }

  /** Dies before a file of a name is written. */
  private record DiesAt(String name) implements Disk {
    @Override
    public void begin(Path file) {
      if (file.endsWith(name)) {
        throw new Died();
      }
    }
  }
}
