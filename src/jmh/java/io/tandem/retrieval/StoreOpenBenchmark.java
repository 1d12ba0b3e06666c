package io.tandem.retrieval;

import io.tandem.artifact.Version;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/**
 * How long {@link Retriever#open} takes for a store of a million items of 64 dimensions, every file
 * verified and its first query answered. Files are in the system's cache after the first round.
 *
 * <pre>scripts/bench.sh io.tandem.retrieval.StoreOpenBenchmark [ITEMS] [DIM] [INDEX]</pre>
 */
public final class StoreOpenBenchmark {
  private static final int ROUNDS = 7;

  private StoreOpenBenchmark() {}

  public static void main(String[] args) throws IOException {
    int items = args.length > 0 ? Integer.parseInt(args[0]) : 1_000_000;
    int dim = args.length > 1 ? Integer.parseInt(args[1]) : 64;
    String index = args.length > 2 ? args[2] : "{type: flat}";
    Path folder = Files.createTempDirectory("store-open");
    try {
      measure(folder, items, dim, index);
    } finally {
      BenchmarkStore.remove(folder);
    }
  }

  private static void measure(Path folder, int items, int dim, String index) throws IOException {
    Version version = BenchmarkStore.publish(folder, items, 10_000, dim, index);
    long bytes = version.manifest().files().values().stream().mapToLong(file -> file.size()).sum();
    double[] seconds = new double[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      long start = System.nanoTime();
      try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
        retriever.retrieve(BenchmarkStore.queries(1, items, 3).get(0), Retrieve.top(10));
        seconds[round] = (System.nanoTime() - start) / 1e9;
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%d items x %d, %s, %.0f MB: first open %.3f s,",
        items,
        dim,
        version.manifest().index().type(),
        bytes / 1e6,
        seconds[0]);
    Arrays.sort(seconds);
    System.out.printf(Locale.ROOT, " median of %d %.3f s%n", ROUNDS, seconds[ROUNDS / 2]);
  }
}
