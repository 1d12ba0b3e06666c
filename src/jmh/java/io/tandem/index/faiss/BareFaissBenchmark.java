package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.TopK;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;

/**
 * One query on one thread, against FAISS itself: the same index in the same memory, with the same
 * settings, is searched by
 *
 * <ul>
 *   <li>bare: {@code faiss::Index::search} in a C++ loop;
 *   <li>walk: what stands in for it in {@code native/src/main/native}, in a C++ loop as well;
 *   <li>tandem: {@link FaissIndex#search(float[], int, TopK)} from Java.
 * </ul>
 *
 * <p>They take turns, each with all the queries. Recall is of exact search. Graphs over a million
 * of the trained vectors find too little with the 2,048 candidates that tuning tries at most: give
 * more, 16,100,8400.
 *
 * <pre>scripts/bench.sh io.tandem.index.faiss.BareFaissBenchmark [trained|clustered] [ITEMS]
 *     [TYPE,...] [LINKS,BEAM[,CANDIDATES]]</pre>
 */
public final class BareFaissBenchmark {
  private static final int K = 100;
  private static final int ROUNDS = 7;
  private static final int N = Corpus.QUERIES;

  private BareFaissBenchmark() {}

  public static void main(String[] args) throws Exception {
    String name = args.length > 0 ? args[0] : "trained";
    int items = args.length > 1 ? Integer.parseInt(args[1]) : 100_000;
    String types = args.length > 2 ? args[2] : "hnsw,ivf_flat,ivf_sq8,flat";
    String[] graph = (args.length > 3 ? args[3] : "16,100").split(",", -1);
    int links = Integer.parseInt(graph[0]);
    int beam = Integer.parseInt(graph[1]);
    int candidates = graph.length > 2 ? Integer.parseInt(graph[2]) : 0;
    BareFaiss.load();
    Corpus corpus = Corpus.of(name, items);
    try (FaissIndex exact = corpus.build(IndexConfig.of(IndexConfig.Type.FLAT))) {
      float[] cut = corpus.cut(exact, corpus.queries(), K);
      System.out.printf(
          Locale.ROOT,
          "%s, %d x %d, k = %d, one thread; medians in us of %d x %d queries%n",
          name,
          items,
          corpus.dim(),
          K,
          ROUNDS,
          N);
      for (String type : types.split(",", -1)) {
        IndexConfig config =
            IndexConfig.of(IndexConfig.Type.valueOf(type.toUpperCase(Locale.ROOT)))
                .withGraph(new IndexConfig.Graph(links, beam, candidates));
        Faiss.setThreads(Runtime.getRuntime().availableProcessors());
        try (FaissIndex index = corpus.build(config)) {
          Faiss.setThreads(1);
          new Comparison(corpus, index, cut).run();
        }
      }
    }
  }

  private static final class Comparison {
    private static final List<String> NAMES = List.of("bare", "walk", "tandem");
    private final Corpus corpus;
    private final FaissIndex index;
    private final Index bare;
    private final float[] cut;
    private final FloatPointer queries;
    private final LongPointer nanoseconds = new LongPointer(N);
    private final LongPointer labels = new LongPointer((long) N * K);
    private final long[][] times = new long[NAMES.size()][ROUNDS * N];
    private final double[] recall = new double[NAMES.size()];
    private final TopK hits = new TopK();

    Comparison(Corpus corpus, FaissIndex index, float[] cut) {
      this.corpus = corpus;
      this.index = index;
      this.cut = cut;
      bare = index.structure().index();
      queries = new FloatPointer(corpus.queries());
    }

    void run() throws IOException {
      for (int round = -2; round < ROUNDS; round++) {
        for (int turn = 0; turn < NAMES.size(); turn++) {
          int which = (Math.abs(round) + turn) % NAMES.size();
          ask(which, Math.max(0, round) * N);
        }
      }
      double[] medians = new double[NAMES.size()];
      for (int which = 0; which < NAMES.size(); which++) {
        Arrays.sort(times[which]);
        medians[which] = times[which][ROUNDS * N / 2] / 1e3;
      }
      System.out.printf(
          Locale.ROOT,
          "  %-14s %s bare %8.1f (recall %.4f)  walk %8.1f  tandem %8.1f (recall %.4f)  tandem/bare"
              + " %.3f  tandem/walk %.3f%n",
          index.type(),
          index.structure().effortName() == null
              ? ""
              : index.structure().effortName() + " " + index.structure().effort(),
          medians[0],
          recall[0],
          medians[1],
          medians[2],
          recall[2],
          medians[2] / medians[0],
          medians[2] / medians[1]);
    }

    private void ask(int which, int from) {
      switch (which) {
        case 0 -> {
          BareFaiss.search(bare, N, K, queries, nanoseconds, labels);
          take(which, from);
        }
        case 1 -> {
          try (FloatPointer scores = new FloatPointer(K);
              LongPointer last = new LongPointer(K)) {
            Faiss.run(() -> faiss.time_searches(bare, N, queries, K, 0, nanoseconds, scores, last));
          }
          nanoseconds.get(times[which], from, N);
        }
        default -> {
          double sum = 0;
          float[] query = new float[corpus.dim()];
          for (int i = 0; i < N; i++) {
            System.arraycopy(corpus.queries(), i * query.length, query, 0, query.length);
            long start = System.nanoTime();
            index.search(query, K, hits);
            times[which][from + i] = System.nanoTime() - start;
            sum += corpus.recall(query, hits, K, cut[i]);
          }
          recall[which] = sum / N;
        }
      }
    }

    private void take(int which, int from) {
      nanoseconds.get(times[which], from, N);
      double sum = 0;
      int[] rows = new int[K];
      for (int i = 0; i < N; i++) {
        int count = 0;
        for (int j = 0; j < K; j++) {
          long row = labels.get((long) i * K + j);
          if (row >= 0) {
            rows[count++] = (int) row;
          }
        }
        sum += corpus.recall(corpus.query(i), rows, count, K, cut[i]);
      }
      recall[which] = sum / N;
    }
  }
}
