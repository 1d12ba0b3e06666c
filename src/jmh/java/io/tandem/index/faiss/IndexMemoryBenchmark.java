package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.index.BuiltIndex;
import io.tandem.index.TopK;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Memory of building an index and of having it open, beside what it was estimated to take. Every
 * type is measured in a process of its own: the largest resident size since its start less what the
 * JVM took with FAISS loaded and nothing built.
 *
 * <p>Building may take 1.5 times vectors and index together. The vectors are clustered, which is
 * what HNSW is filled fastest with; memory does not depend on that.
 *
 * <pre>scripts/bench.sh io.tandem.index.faiss.IndexMemoryBenchmark [ITEMS] [DIM] [TYPE,...]</pre>
 */
public final class IndexMemoryBenchmark {
  private static final int CHUNK = 1 << 12;

  private IndexMemoryBenchmark() {}

  public static void main(String[] args) throws Exception {
    int items = args.length > 0 ? Integer.parseInt(args[0]) : 1_000_000;
    int dim = args.length > 1 ? Integer.parseInt(args[1]) : 64;
    String types = args.length > 2 ? args[2] : "flat,hnsw,ivf_flat,ivf_sq8,ivf_pq_fast_scan";
    System.out.printf(
        Locale.ROOT,
        "%,d x %d, MB%n%-18s %9s %9s %9s %9s %9s%n",
        items,
        dim,
        "index",
        "vectors",
        "estimate",
        "open",
        "building",
        "of limit");
    for (String type : types.split(",", -1)) {
      for (String step : List.of("build", "open")) {
        Process process =
            new ProcessBuilder(
                    ProcessHandle.current().info().command().orElse("java"),
                    "-Xmx256m",
                    "-cp",
                    System.getProperty("java.class.path"),
                    Child.class.getName(),
                    step,
                    type,
                    "" + items,
                    "" + dim,
                    System.getProperty("java.io.tmpdir"))
                .inheritIO()
                .start();
        if (process.waitFor() != 0) {
          throw new IllegalStateException(type + " failed");
        }
      }
    }
  }

  /** One type in a process of its own: builds and writes, or opens what was written. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) throws IOException {
      IndexConfig config =
          IndexConfig.of(IndexConfig.Type.valueOf(args[1].toUpperCase(Locale.ROOT)))
              .withRecall(1e-6, 100)
              .withGraph(new IndexConfig.Graph(32, 40, 0));
      int n = Integer.parseInt(args[2]);
      int dim = Integer.parseInt(args[3]);
      Path folder =
          Path.of(args[4], "index-memory-" + ProcessHandle.current().parent().get().pid());
      Path file = folder.resolve("items.faiss");
      warmUp(dim);
      double empty = megabytes("VmRSS");
      double emptyHeap = megabytes("RssAnon");
      if (args[0].equals("build")) {
        Files.createDirectories(folder);
        BuiltIndex built = build(config, n, dim);
        double peak = megabytes("VmHWM") - empty;
        ((FaissIndex) built.index()).write(file);
        double vectors = 4e-6 * n * dim;
        double estimate = built.report().bytes() / 1e6;
        System.out.printf(
            Locale.ROOT,
            "%-18s %9.0f %9.0f %9s %9.0f %8.2fx%n",
            built.type(),
            vectors,
            estimate,
            "",
            peak,
            peak / (vectors + estimate));
      } else {
        String type = args[1];
        try (FaissIndex index = FaissIndex.read(file, new FaissIndex.Facts(type, dim, n))) {
          index.search(new float[dim], 10, new TopK());
          System.out.printf(
              Locale.ROOT,
              "%-18s %9s %9s %9.0f%n",
              "  open",
              "",
              "",
              megabytes("RssAnon") - emptyHeap);
        }
        try (Stream<Path> files = Files.list(folder)) {
          for (Path each : files.toList()) {
            Files.delete(each);
          }
        }
        Files.delete(folder);
      }
    }

    /** Loads what any index needs: the first search of a process maps OpenBLAS and its threads. */
    private static void warmUp(int dim) {
      Faiss.setThreads(Runtime.getRuntime().availableProcessors());
      build(IndexConfig.of(IndexConfig.Type.IVF_FLAT).withRecall(1e-6, 10), 5000, dim)
          .index()
          .close();
    }

    private static BuiltIndex build(IndexConfig config, int n, int dim) {
      SplittableRandom random = new SplittableRandom(1);
      float[] centres = new float[1000 * dim];
      for (int i = 0; i < centres.length; i++) {
        centres[i] = (float) random.nextGaussian();
      }
      float[] chunk = new float[CHUNK * dim];
      try (FaissBuilder builder = new FaissBuilder(dim, config).expect(n)) {
        for (int from = 0; from < n; from += CHUNK) {
          int count = Math.min(CHUNK, n - from);
          for (int row = 0; row < count; row++) {
            int centre = random.nextInt(1000) * dim;
            for (int i = 0; i < dim; i++) {
              chunk[row * dim + i] = centres[centre + i] + 0.3f * (float) random.nextGaussian();
            }
          }
          builder.add(chunk, count);
        }
        return builder.build(new float[0], 0);
      }
    }

    private static double megabytes(String field) throws IOException {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith(field + ":")) {
          return Long.parseLong(line.replaceAll("\\D", "")) * 1024 / 1e6;
        }
      }
      throw new IllegalStateException("expected " + field + " in /proc/self/status");
    }
  }
}
