package io.tandem.rebuild;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.tandem.artifact.Disk;
import io.tandem.artifact.Store;
import io.tandem.rebuild.RebuildResult.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A rebuild that runs out of memory, the JVM's or the system's, leaves the live version as it is,
 * and the next one publishes what it would have. {@code -Dtandem.stress=full} tries more limits.
 */
class OutOfMemoryTest {
  private static final boolean FULL = "full".equals(System.getProperty("tandem.stress"));

  @TempDir Path folder;
  private Path initial;
  private Map<String, ?> expected;

  @BeforeEach
  void rebuildWithEnough() throws IOException {
    initial = Catalogues.grown(folder, 30_000).folder();
    Path whole = folder.resolve("whole");
    CrashTest.copy(initial, whole);
    Catalogues.rebuild(Store.open(whole)).run();
    expected = Catalogues.files(Store.open(whole));
  }

  @Test
  void heapTooSmall() throws Exception {
    int died = 0;
    for (int megabytes = 12; megabytes <= 24; megabytes += FULL ? 1 : 12) {
      died += starve(List.of(), "-Xmx" + megabytes + "m", "(?s).*OutOfMemoryError.*");
    }
    assertThat(died).isPositive();
  }

  @Test
  void addressSpaceTooSmall() throws Exception {
    assumeThat(Path.of("/bin/bash")).as("a shell that limits memory").exists();
    int died = 0;
    for (int megabytes = 2400; megabytes <= 3600; megabytes += FULL ? 50 : 400) {
      List<String> limit =
          List.of("/bin/bash", "-c", "ulimit -v " + megabytes * 1024 + "; exec \"$@\"", "limited");
      // What the JVM itself cannot allocate ends it on the spot, with a report of its own.
      died += starve(limit, "-Xmx256m", "(?s).*");
    }
    assertThat(died).isPositive();
  }

  /** Whether the job died, of what was expected. */
  private int starve(List<String> launcher, String heap, String death) throws Exception {
    Path victim = folder.resolve("victim");
    CrashTest.copy(initial, victim);
    String said = Killed.starved(folder, victim, launcher, heap);
    boolean published = said.equals("PUBLISHED");
    System.out.println(heap + " " + launcher + ": " + said.lines().limit(3).toList());
    if (!published) {
      assertThat(said).matches(death);
    }
    Store left = Store.open(victim);
    Catalogues.assertWhole(left);
    assertThat(Catalogues.rebuild(left).run().outcome()).isEqualTo(Outcome.PUBLISHED);
    Catalogues.assertWhole(left);
    assertThat(Catalogues.files(left)).isEqualTo(expected);
    Disk.REAL.deleteAll(victim);
    return published ? 0 : 1;
  }
}
