package io.tandem.cli;

import io.tandem.backend.Trial;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs {@link Trial} in a process of its own, whatever becomes of that. */
final class BackendTrial {
  private static final String TOPIC = "trial";

  /** A driver that translates the back end's code first needs many minutes. */
  private static final int MINUTES = 45;

  private BackendTrial() {}

  static Finding run() {
    try {
      Path log = Files.createTempFile("tandem-trial", ".log");
      try {
        return run(log);
      } finally {
        Files.deleteIfExists(log);
      }
    } catch (IOException e) {
      return Finding.lacking(true, TOPIC, "could not be started: " + e.getMessage(), "see above");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Finding.lacking(true, TOPIC, "was interrupted", "run it again");
    }
  }

  private static Finding run(Path log) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                "-cp",
                System.getProperty("java.class.path"),
                Trial.class.getName())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
        return Finding.lacking(
            true, TOPIC, "no answer within %d min".formatted(MINUTES), "see nvidia-smi");
      }
    } finally {
      process.destroyForcibly();
    }
    return judge(process.exitValue(), Files.readAllLines(log, StandardCharsets.UTF_8));
  }

  /** What an end of the trial means. */
  static Finding judge(int status, List<String> lines) {
    String last = lines.isEmpty() ? "" : lines.get(lines.size() - 1);
    if (status == 0) {
      String[] words = last.split(" ", -1);
      return Finding.ok(
          TOPIC,
          "%s computes right, first result after %s s"
              .formatted(words[0], words[words.length - 1]));
    }
    String said =
        lines.stream()
            .filter(line -> line.contains("Exception") || line.contains("Error"))
            .reduce((first, second) -> second)
            .orElse(last);
    String found =
        status > 128 ? "the back end ended the process (signal %d)".formatted(status - 128) : said;
    return Finding.lacking(true, TOPIC, found, "what is missing above, or else a driver that fits");
  }
}
