package io.tandem.rebuild;

import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.artifact.Disk;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** Processes that rebuild stores until they are killed, by a signal that they cannot catch. */
final class Killed {
  private Killed() {}

  /** From the first job's begin until every store was rebuilt once; the process is killed then. */
  static double millisToRebuildAll(Path folder, List<Path> stores) throws Exception {
    Process process = start(folder, stores, List.of(), "-Xmx1g");
    try (BufferedReader said = process.inputReader()) {
      awaitBegin(said);
      long begin = System.nanoTime();
      for (int rebuilt = 0; rebuilt < stores.size(); ) {
        String line = said.readLine();
        assertThat(line).as("a rebuild goes on").isIn("begun", "PUBLISHED");
        rebuilt += line.equals("PUBLISHED") ? 1 : 0;
      }
      return (System.nanoTime() - begin) / 1e6;
    } finally {
      kill(process, folder);
    }
  }

  /** Kills a process so long after its first job's begin. */
  static void after(double millis, Path folder, List<Path> stores) throws Exception {
    Process process = start(folder, stores, List.of(), "-Xmx1g");
    try (BufferedReader said = process.inputReader()) {
      awaitBegin(said);
      if (process.waitFor((long) millis, TimeUnit.MILLISECONDS)) {
        throw new AssertionError("a job failed: " + said.lines().collect(Collectors.joining("\n")));
      }
    } finally {
      kill(process, folder);
    }
  }

  /**
   * Rebuilds a store in a process that is short of memory, once.
   *
   * @param launcher command that runs the JVM, such as one that limits its memory
   * @return what the process said after its job's begin: {@code PUBLISHED}, or of what it died
   */
  static String starved(Path folder, Path store, List<String> launcher, String heap)
      throws Exception {
    Process process = start(folder, List.of(store), launcher, heap);
    try (BufferedReader said = process.inputReader()) {
      StringBuilder lines = new StringBuilder();
      for (String line = said.readLine(); line != null; line = said.readLine()) {
        if (!line.equals("begun")) {
          lines.append(line).append('\n');
        }
        if (line.equals("PUBLISHED")) {
          break;
        }
      }
      return lines.toString().strip();
    } finally {
      kill(process, folder);
    }
  }

  private static void awaitBegin(BufferedReader said) throws IOException {
    String line = said.readLine();
    assertThat(line).isEqualTo("begun");
  }

  private static Process start(Path folder, List<Path> stores, List<String> launcher, String heap)
      throws IOException {
    List<String> command = new ArrayList<>(launcher);
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            heap,
            "-XX:TieredStopAtLevel=1",
            "-Djava.io.tmpdir=" + Files.createDirectories(temporary(folder)),
            "-XX:ErrorFile=" + temporary(folder).resolve("died.log"),
            "-cp",
            System.getProperty("java.class.path"),
            RebuildProcess.class.getName()));
    stores.forEach(store -> command.add(store.toString()));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  /** A killed process clears nothing up, not even what its libraries unpacked. */
  private static void kill(Process process, Path folder) throws Exception {
    process.destroyForcibly().waitFor();
    Disk.REAL.deleteAll(temporary(folder));
  }

  private static Path temporary(Path folder) {
    return folder.resolve("temporary");
  }
}
