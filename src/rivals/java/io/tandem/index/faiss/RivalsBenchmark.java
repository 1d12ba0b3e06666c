package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Queries a second against what else the JVM has, over the same vectors: graphs of the same links
 * and beam, each searched with the least number of candidates that finds 0.95 of the exact hundred
 * best for the queries that are timed. Libraries take turns, a second each. Beside it: time to
 * build, and memory in the heap and outside it. What Tandem's {@code type: auto} makes of the
 * vectors stands beside its graph.
 *
 * <p>Lucene and jvector need the Vector API to be fast, and Lucene since version 10 a later Java
 * than 17; on Java 17, Lucene 9.12 runs instead, without it:
 *
 * <pre>JAVA_HOME=JDK_25 TANDEM_JAVA_OPTS='--add-modules jdk.incubator.vector' \
 *     scripts/bench.sh io.tandem.index.faiss.RivalsBenchmark [trained|clustered] [ITEMS]
 *     [hnsw,auto,lucene,jvector,hnswlib]</pre>
 */
public final class RivalsBenchmark {
  private static final int K = 100;
  private static final double RECALL = 0.95;
  private static final int ROUNDS = 5;
  private static final int MOST_EFFORT = 100 << 7;

  private RivalsBenchmark() {}

  public static void main(String[] args) throws Exception {
    String name = args.length > 0 ? args[0] : "trained";
    int items = args.length > 1 ? Integer.parseInt(args[1]) : 100_000;
    Corpus corpus = Corpus.of(name, items);
    float[] cut;
    try (FaissIndex exact = corpus.build(IndexConfig.of(IndexConfig.Type.FLAT))) {
      cut = corpus.cut(exact, corpus.queries(), K);
    }
    System.out.printf(
        Locale.ROOT,
        "%s, %d x %d, k = %d, Java %s, %d cores; medians of %d rounds%n",
        name,
        items,
        corpus.dim(),
        K,
        Runtime.version().feature(),
        Runtime.getRuntime().availableProcessors(),
        ROUNDS);
    String chosen = args.length > 2 ? args[2] : "hnsw,auto,lucene,jvector,hnswlib";
    List<Contestant> contestants = new ArrayList<>();
    for (String rival : chosen.split(",", -1)) {
      contestants.add(new Contestant(rival(rival), corpus, cut));
    }
    for (Contestant contestant : contestants) {
      contestant.warmUp();
    }
    for (int round = 0; round < ROUNDS; round++) {
      for (int turn = 0; turn < contestants.size(); turn++) {
        contestants.get((round + turn) % contestants.size()).measure(round);
      }
    }
    for (Contestant contestant : contestants) {
      contestant.report();
    }
    for (Contestant contestant : contestants) {
      contestant.rival.close();
    }
  }

  private static Rival rival(String name) throws Exception {
    return switch (name) {
      case "hnsw" -> new TandemRival(IndexConfig.Type.HNSW);
      case "auto" -> new TandemRival(IndexConfig.Type.AUTO);
      case "lucene" -> new LuceneRival();
      case "jvector" -> new JvectorRival();
      case "hnswlib" -> new HnswlibRival();
      default ->
          throw new IllegalArgumentException(
              "expected hnsw, auto, lucene, jvector or hnswlib, found " + name);
    };
  }

  private static final class Contestant {
    private static final int CORES = Runtime.getRuntime().availableProcessors();
    final Rival rival;
    private final Corpus corpus;
    private final double buildSeconds;
    private final double heapMegabytes;
    private final double nativeMegabytes;
    private final double recall;
    private int effort;
    private final double[] one = new double[ROUNDS];
    private final double[] all = new double[ROUNDS];

    Contestant(Rival rival, Corpus corpus, float[] cut) throws Exception {
      this.rival = rival;
      this.corpus = corpus;
      double before = usedMegabytes();
      long start = System.nanoTime();
      rival.build(corpus);
      buildSeconds = (System.nanoTime() - start) / 1e9;
      heapMegabytes = usedMegabytes() - before;
      nativeMegabytes = rival.nativeMegabytes();
      if (rival.isTunable()) {
        tune(cut);
      }
      recall = recall(cut);
      System.out.printf(Locale.ROOT, "  built %s in %.1f s%n", rival.name(), buildSeconds);
    }

    /** The least effort, to five in a hundred, that reaches the recall, or the most there is. */
    private void tune(float[] cut) throws Exception {
      int below = K - 1;
      int enough = K;
      rival.effort(enough);
      while (recall(cut) < RECALL) {
        if (enough >= MOST_EFFORT) {
          effort = enough;
          return;
        }
        below = enough;
        enough *= 2;
        rival.effort(enough);
      }
      while (enough - below > Math.max(1, below / 20)) {
        int between = (below + enough) / 2;
        rival.effort(between);
        if (recall(cut) < RECALL) {
          below = between;
        } else {
          enough = between;
        }
      }
      effort = enough;
      rival.effort(enough);
    }

    private double recall(float[] cut) throws Exception {
      Rival.Searcher searcher = rival.searcher();
      int[] rows = new int[K];
      double sum = 0;
      for (int i = 0; i < cut.length; i++) {
        float[] query = corpus.query(i);
        sum += corpus.recall(query, rows, searcher.search(query, K, rows), K, cut[i]);
      }
      return sum / cut.length;
    }

    void warmUp() throws Exception {
      rate(1, 2_000);
      rate(CORES, 1_000);
    }

    void measure(int round) throws Exception {
      one[round] = rate(1, 1_000);
      all[round] = rate(CORES, 1_000);
    }

    private double rate(int threads, int millis) throws Exception {
      ExecutorService pool = Executors.newFixedThreadPool(threads);
      try {
        long begin = System.nanoTime();
        long end = begin + millis * 1_000_000L;
        List<Future<Long>> counts = new ArrayList<>();
        for (int thread = 0; thread < threads; thread++) {
          int first = thread * 331;
          counts.add(pool.submit(() -> ask(first, end)));
        }
        long answered = 0;
        for (Future<Long> count : counts) {
          answered += count.get();
        }
        return answered * 1e9 / (System.nanoTime() - begin);
      } finally {
        pool.shutdown();
      }
    }

    private long ask(int first, long end) throws Exception {
      Rival.Searcher searcher = rival.searcher();
      int[] rows = new int[K];
      long answered = 0;
      while (System.nanoTime() < end) {
        float[] query = corpus.query((int) ((first + answered) % Corpus.QUERIES));
        searcher.search(query, K, rows);
        answered++;
      }
      return answered;
    }

    void report() {
      System.out.printf(
          Locale.ROOT,
          "  %-34s %5s  recall %.4f  %7.0f queries/s, %7.0f on all cores;  built in %6.1f s;  heap"
              + " %4.0f MB, outside %4.0f MB%n",
          rival.name(),
          effort == 0 ? "" : "ef " + effort,
          recall,
          median(one),
          median(all),
          buildSeconds,
          heapMegabytes,
          nativeMegabytes);
    }

    private static double usedMegabytes() throws InterruptedException {
      for (int i = 0; i < 3; i++) {
        System.gc();
        Thread.sleep(50);
      }
      Runtime runtime = Runtime.getRuntime();
      return (runtime.totalMemory() - runtime.freeMemory()) / 1e6;
    }

    private static double median(double[] values) {
      double[] sorted = values.clone();
      Arrays.sort(sorted);
      return sorted[sorted.length / 2];
    }
  }
}
