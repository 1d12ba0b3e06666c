package io.tandem.retrieval;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Opening and closing keeps no native memory. Measured in a JVM of its own, whose heap is resident
 * from the start and whose C library keeps one arena: what its private memory grows by is native.
 */
class LeakTest {
  private static final int ITEMS = 40_000;
  private static final int DIM = 64;

  /** The vectors of one index. */
  private static final long INDEX_KILOBYTES = ITEMS * DIM * 4 / 1024;

  private static final int FEW_ROUNDS = 30;

  @TempDir static Path folder;

  @BeforeAll
  static void publish() throws IOException {
    String type = StressTest.FULL ? "{type: hnsw, m: 8, ef_search: 64}" : "{type: flat}";
    BenchmarkStore.publish(folder, ITEMS, 2_000, DIM, type);
  }

  @Test
  void nativeMemoryIsFlatOverOpeningAndClosing() throws Exception {
    // The bound is half of one index, whatever the number of rounds.
    assertThat(growth("close", StressTest.FULL ? 1_000 : FEW_ROUNDS))
        .isLessThan(INDEX_KILOBYTES / 2);
  }

  @Test
  void theMeasureSeesWhatIsNotClosed() throws Exception {
    // One in ten is left open, two of them between the measurements.
    assertThat(growth("leak", FEW_ROUNDS)).isGreaterThan(INDEX_KILOBYTES);
  }

  private static long growth(String what, int rounds) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xms256m",
            "-Xmx256m",
            "-XX:+AlwaysPreTouch",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            Child.class.getName(),
            folder.resolve("store").toString(),
            Integer.toString(rounds),
            what);
    builder.environment().put("MALLOC_ARENA_MAX", "1");
    builder.redirectErrorStream(true);
    Process child = builder.start();
    String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(child.waitFor()).as(output).isZero();
    String last = output.strip().lines().reduce((a, b) -> b).orElseThrow();
    System.out.println(what + ": " + last);
    return Long.parseLong(last.replaceAll("^growth (-?\\d+) kB.*", "$1"));
  }

  /** Opens, asks and closes. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) throws IOException {
      Path store = Path.of(args[0]);
      int rounds = Integer.parseInt(args[1]);
      boolean leaks = args[2].equals("leak");
      long[] kilobytes = new long[rounds];
      List<Retriever> left = new ArrayList<>();
      for (int round = 0; round < rounds; round++) {
        Retriever retriever = Retriever.open(store);
        retriever.retrieve(BenchmarkStore.queries(1, ITEMS, round).get(0), Retrieve.top(10));
        if (leaks && round % 10 == 9) {
          left.add(retriever);
        } else {
          retriever.close();
        }
        // Buffers and mapped files go with the objects that own them.
        System.gc();
        kilobytes[round] = privateKilobytes();
      }
      // From the second tenth, when classes are loaded and compiled, to the last.
      int tenth = rounds / 10;
      long early = median(kilobytes, tenth, 2 * tenth);
      long late = median(kilobytes, rounds - tenth, rounds);
      System.out.printf(
          Locale.ROOT,
          "growth %d kB, from %d to %d kB in %d rounds, %d left open%n",
          late - early,
          early,
          late,
          rounds,
          left.size());
    }

    private static long median(long[] values, int from, int to) {
      long[] sorted = Arrays.copyOfRange(values, from, to);
      Arrays.sort(sorted);
      return sorted[sorted.length / 2];
    }

    /** Memory of this process that is no file's. */
    private static long privateKilobytes() throws IOException {
      return Files.readAllLines(new File("/proc/self/status").toPath()).stream()
          .filter(line -> line.startsWith("RssAnon:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst()
          .orElseThrow();
    }
  }
}
