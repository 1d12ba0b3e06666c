package io.tandem.rebuild;

import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.artifact.Store;
import io.tandem.rebuild.RebuildResult.Outcome;
import io.tandem.retrieval.Query;
import io.tandem.retrieval.Retrieve;
import io.tandem.retrieval.Retriever;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A service in another process keeps answering while its store is rebuilt. */
class ServiceTest {
  private static final int PUBLISHED = 10;

  /** A JVM's own native memory moves by some. */
  private static final long TOLERATED_KILOBYTES = 40_000;

  private static final int ADDED = 9_000;

  @TempDir Path folder;

  @Test
  @SuppressWarnings("try") // The end of its input tells the service to end.
  void everyQueryIsAnsweredByOneVersionWhileTenRebuildsArePublished() throws Exception {
    Store store = Catalogues.grown(folder, ADDED);
    Catalogues.rebuild(store).run();
    Set<String> legal = new HashSet<>(Set.of(answer(store)));
    Process process = service(store.folder());
    try (PrintStream to = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        BufferedReader from = process.inputReader(StandardCharsets.UTF_8)) {
      assertThat(from.readLine()).isEqualTo("ready");
      long before = -1;
      for (int i = 0; i < PUBLISHED; i++) {
        if (i == 3) {
          refused(store);
        }
        if (i == 6) {
          killed(store);
          legal.add(answer(store));
        }
        withoutBest(store);
        RebuildResult result = Catalogues.rebuild(store).keep(2).run();
        assertThat(result.outcome()).isEqualTo(Outcome.PUBLISHED);
        legal.add(answer(store));
        if (i == 1) {
          before = memory(to, from);
        }
      }
      assertThat(store.versions().size()).isBetween(2, 3);
      Thread.sleep(200);
      long after = memory(to, from);
      to.close();
      List<String> lines = new ArrayList<>(from.lines().toList());
      assertThat(process.waitFor()).isZero();
      assertThat(lines).contains("failed 0").noneMatch(line -> line.startsWith("failure"));
      List<String> answers =
          lines.stream()
              .filter(line -> line.startsWith("answer "))
              .map(line -> line.substring(line.indexOf(' ', "answer ".length()) + 1))
              .toList();
      System.out.printf(
          "%d versions seen of %d, native memory %d kB, after %d rebuilds %d kB%n",
          answers.size(), legal.size(), before, PUBLISHED, after);
      assertThat(legal).as("no answer of two versions").containsAll(answers);
      assertThat(answers).hasSizeGreaterThan(PUBLISHED / 2);
      assertThat(after - before).isLessThan(TOLERATED_KILOBYTES);
    } finally {
      process.destroyForcibly();
    }
  }

  /** Takes the best item of the query out of the source: the next version answers otherwise. */
  private void withoutBest(Store store) throws IOException {
    String best;
    try (Retriever retriever = Retriever.open(store.folder())) {
      best =
          retriever
              .retrieve(Query.builder().put("userId", "u1").build(), Retrieve.top(1))
              .get(0)
              .item();
    }
    Path movies = folder.resolve("movies.csv");
    List<String> lines = new ArrayList<>(Files.readAllLines(movies));
    assertThat(lines.removeIf(line -> line.startsWith(best + ","))).isTrue();
    Files.write(movies, lines);
  }

  private void refused(Store store) throws IOException {
    Path movies = folder.resolve("movies.csv");
    List<String> lines = Files.readAllLines(movies);
    Path half = folder.resolve("half.csv");
    Files.write(half, lines.subList(0, lines.size() / 2));
    assertThat(Catalogues.rebuild(store).items(half).run().outcome()).isEqualTo(Outcome.REFUSED);
  }

  /** Dies while it writes. */
  private static void killed(Store store) throws Exception {
    Process process = java(RebuildProcess.class, store.folder()).start();
    while (process.isAlive() && !writing(store)) {
      Thread.sleep(2);
    }
    process.destroyForcibly().waitFor();
    Catalogues.assertWhole(store);
  }

  private static boolean writing(Store store) throws IOException {
    try (Stream<Path> versions = Files.list(store.folder().resolve("versions"))) {
      return versions.anyMatch(path -> path.getFileName().toString().startsWith(".writing"));
    }
  }

  private static String answer(Store store) {
    try (Retriever retriever = Retriever.open(store.folder())) {
      return ServiceProcess.answer(retriever);
    }
  }

  private static long memory(PrintStream to, BufferedReader from) throws IOException {
    to.println("memory");
    String line = from.readLine();
    assertThat(line).startsWith("memory ");
    return Long.parseLong(line.substring("memory ".length()));
  }

  private static Process service(Path store) throws IOException {
    ProcessBuilder builder = java(ServiceProcess.class, store);
    // One heap of the C library, which otherwise keeps up to 64 MB for each of many threads.
    builder.environment().put("MALLOC_ARENA_MAX", "1");
    return builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  private static ProcessBuilder java(Class<?> main, Path store) {
    return new ProcessBuilder(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        // All of the heap is there from the start, so that what grows is native.
        "-Xms256m",
        "-Xmx256m",
        "-XX:+AlwaysPreTouch",
        "-XX:+UseSerialGC",
        "-cp",
        System.getProperty("java.class.path"),
        main.getName(),
        store.toString());
  }
}
