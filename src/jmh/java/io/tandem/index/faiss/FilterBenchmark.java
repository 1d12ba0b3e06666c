package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.index.RowSet;
import io.tandem.index.TopK;
import java.io.IOException;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * What a filter costs, at shares of allowed rows from one half to one in a thousand, of rows at
 * random and of rows on one side of a plane through the vectors, which queries may be far from.
 * Beside the filtered search stand the two that it must not cost more than twice of: the search
 * without a filter, and exact search over the allowed rows. The three take turns, query by query,
 * on one thread; recall is of exact search over the allowed rows.
 *
 * <pre>scripts/bench.sh io.tandem.index.faiss.FilterBenchmark [trained|clustered] [ITEMS]
 *     [TYPE,...]</pre>
 */
public final class FilterBenchmark {
  private static final int K = 100;
  private static final int N = 300;
  private static final int ROUNDS = 5;
  private static final double[] SHARES = {0.5, 0.1, 0.01, 0.001};

  private FilterBenchmark() {}

  public static void main(String[] args) throws IOException {
    String name = args.length > 0 ? args[0] : "trained";
    int items = args.length > 1 ? Integer.parseInt(args[1]) : 100_000;
    String types = args.length > 2 ? args[2] : "auto,hnsw,ivf_flat,ivf_sq8,ivf_pq_fast_scan";
    Corpus corpus = Corpus.of(name, items);
    System.out.printf(
        Locale.ROOT,
        "%s, %d x %d, k = %d, one thread; medians in us of %d x %d queries%n",
        name,
        items,
        corpus.dim(),
        K,
        ROUNDS,
        N);
    try (FaissIndex exact = corpus.build(IndexConfig.of(IndexConfig.Type.FLAT))) {
      for (String type : types.split(",", -1)) {
        IndexConfig config =
            IndexConfig.of(IndexConfig.Type.valueOf(type.toUpperCase(Locale.ROOT)))
                .withGraph(new IndexConfig.Graph(16, 100, 0));
        Faiss.setThreads(Runtime.getRuntime().availableProcessors());
        try (FaissIndex index = corpus.build(config)) {
          Faiss.setThreads(1);
          System.out.println(index.type());
          for (double share : SHARES) {
            compare(corpus, index, exact, share, "random", random(corpus.size(), share));
            compare(corpus, index, exact, share, "side", side(corpus, share));
          }
        }
      }
    }
  }

  private static RowSet random(int size, double share) {
    SplittableRandom random = new SplittableRandom(5);
    int[] rows = random.ints(0, Integer.MAX_VALUE).limit(size).toArray();
    int bound = (int) (share * Integer.MAX_VALUE);
    int[] allowed = new int[size];
    int count = 0;
    for (int row = 0; row < size; row++) {
      if (rows[row] < bound) {
        allowed[count++] = row;
      }
    }
    return RowSet.of(size, Arrays.copyOf(allowed, count));
  }

  private static RowSet side(Corpus corpus, double share) {
    SplittableRandom random = new SplittableRandom(6);
    float[] direction = new float[corpus.dim()];
    for (int i = 0; i < direction.length; i++) {
      direction[i] = (float) random.nextGaussian();
    }
    float[] along = new float[corpus.size()];
    for (int row = 0; row < along.length; row++) {
      for (int i = 0; i < direction.length; i++) {
        along[row] += direction[i] * corpus.items()[row * direction.length + i];
      }
    }
    float[] sorted = along.clone();
    Arrays.sort(sorted);
    float least = sorted[(int) ((1 - share) * sorted.length)];
    int[] allowed = new int[along.length];
    int count = 0;
    for (int row = 0; row < along.length; row++) {
      if (along[row] >= least) {
        allowed[count++] = row;
      }
    }
    return RowSet.of(along.length, Arrays.copyOf(allowed, count));
  }

  private static void compare(
      Corpus corpus,
      FaissIndex index,
      FaissIndex exact,
      double share,
      String which,
      RowSet allowed) {
    TopK hits = new TopK();
    TopK best = new TopK();
    long[] filtered = new long[ROUNDS * N];
    long[] unfiltered = new long[ROUNDS * N];
    long[] scanned = new long[ROUNDS * N];
    double recall = 0;
    for (int round = -1; round < ROUNDS; round++) {
      for (int i = 0; i < N; i++) {
        float[] query = corpus.query(i);
        int at = Math.max(0, round) * N + i;
        long start = System.nanoTime();
        index.search(query, K, best);
        unfiltered[at] = System.nanoTime() - start;
        start = System.nanoTime();
        exact.search(query, K, allowed, best);
        scanned[at] = System.nanoTime() - start;
        start = System.nanoTime();
        index.search(query, K, allowed, hits);
        filtered[at] = System.nanoTime() - start;
        if (round == 0) {
          float last = best.score(best.size() - 1);
          recall += corpus.recall(query, hits, best.size(), last - 1e-5f * Math.abs(last)) / N;
        }
      }
    }
    double cost = median(filtered);
    double least = Math.min(median(unfiltered), median(scanned));
    System.out.printf(
        Locale.ROOT,
        "  %5.1f %% %-6s filtered %8.1f (recall %.4f)  unfiltered %8.1f  exact over the rows %8.1f "
            + " filtered/least %.2f%s%n",
        100 * share,
        which,
        cost,
        recall,
        median(unfiltered),
        median(scanned),
        cost / least,
        cost / least > 2 ? "  ABOVE 2" : "");
  }

  private static double median(long[] times) {
    long[] sorted = times.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2] / 1e3;
  }
}
