package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.index.BuiltIndex;
import io.tandem.index.IndexException;
import io.tandem.index.IndexReport.Considered;
import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * What {@code type: auto} chooses for vectors of several kinds, and whether it keeps its promise
 * for queries that it never saw: recall is measured with queries beside those it was tuned with.
 * Other types may be named to see what they would have come to.
 *
 * <p>Kinds: trained (a tower's, and a query tower's), skewed (the same, with the lengths that
 * popularity gives the vectors of towers that do not normalize: log-normal), clustered, and
 * isotropic (no structure: the hardest there is).
 *
 * <pre>scripts/bench.sh io.tandem.index.faiss.IndexChoiceBenchmark [ITEMS] [KIND,...] [TYPE,...]
 * </pre>
 */
public final class IndexChoiceBenchmark {
  private static final int K = 100;
  private static final double PROMISED = 0.95;
  private static final int TUNING_QUERIES = 500;
  private static final int EXACT_QUERIES = 50;
  private static final int ROUNDS = 3;

  private IndexChoiceBenchmark() {}

  public static void main(String[] args) throws IOException {
    int items = args.length > 0 ? Integer.parseInt(args[0]) : 100_000;
    List<String> kinds =
        List.of((args.length > 1 ? args[1] : "trained,skewed,clustered,isotropic").split(",", -1));
    List<String> types = List.of((args.length > 2 ? args[2] : "auto").split(",", -1));
    System.out.printf(
        Locale.ROOT,
        "%,d items x %d, promised recall@%d %.2f; 'fresh': recall of %d other queries; us: median,"
            + " one thread%n%-10s %-18s %-28s %7s %7s %9s %8s %8s %8s%n",
        items,
        Corpus.DIM,
        K,
        PROMISED,
        Corpus.QUERIES,
        "vectors",
        "index",
        "parameters",
        "tuned",
        "fresh",
        "work",
        "us",
        "exact us",
        "build s");
    for (String kind : kinds) {
      Corpus corpus = corpus(kind, items);
      for (String type : types) {
        measure(corpus, IndexConfig.Type.valueOf(type.toUpperCase(Locale.ROOT)));
      }
    }
  }

  private static Corpus corpus(String kind, int items) throws IOException {
    SplittableRandom random = new SplittableRandom(3);
    if (kind.equals("isotropic")) {
      return new Corpus(
          kind,
          Corpus.DIM,
          gaussian(random, items),
          gaussian(random, Corpus.QUERIES),
          gaussian(random, Corpus.QUERIES));
    }
    if (kind.equals("skewed")) {
      Corpus trained = Corpus.of("trained", items);
      for (int row = 0; row < items; row++) {
        float length = (float) Math.exp(0.5 * random.nextGaussian());
        for (int i = 0; i < Corpus.DIM; i++) {
          trained.items()[row * Corpus.DIM + i] *= length;
        }
      }
      return new Corpus(kind, Corpus.DIM, trained.items(), trained.tuning(), trained.queries());
    }
    return Corpus.of(kind, items);
  }

  private static float[] gaussian(SplittableRandom random, int n) {
    float[] numbers = new float[n * Corpus.DIM];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) random.nextGaussian();
    }
    return numbers;
  }

  private static void measure(Corpus corpus, IndexConfig.Type type) {
    Faiss.setThreads(Runtime.getRuntime().availableProcessors());
    long start = System.nanoTime();
    BuiltIndex built;
    try {
      built = build(corpus, type);
    } catch (IndexException e) {
      System.out.printf("%-10s %s%n", corpus.name(), e.getMessage());
      return;
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    Faiss.setThreads(1);
    try (VectorIndex index = built.index();
        FaissIndex exact = (FaissIndex) build(corpus, IndexConfig.Type.FLAT).index()) {
      double[] micros = new double[ROUNDS];
      double[] exactMicros = new double[ROUNDS];
      for (int round = 0; round < ROUNDS; round++) {
        micros[round] = median(index, corpus, Corpus.QUERIES);
        exactMicros[round] = median(exact, corpus, EXACT_QUERIES);
      }
      System.out.printf(
          Locale.ROOT,
          "%-10s %-18s %-28s %7.4f %7.4f %,9.0f %8.0f %8.0f %8.0f%n",
          corpus.name(),
          built.type(),
          built.parameters(),
          built.recall(),
          recall(index, exact, corpus),
          built.report().searchWork(),
          median(micros),
          median(exactMicros),
          seconds);
    }
    for (Considered each : built.report().considered()) {
      System.out.printf(
          Locale.ROOT,
          "    considered %-18s recall %.4f, expected work %,.0f, %,.0f MB%n",
          each.type(),
          each.recall(),
          each.expectedWork(),
          each.bytes() / 1e6);
    }
  }

  private static BuiltIndex build(Corpus corpus, IndexConfig.Type type) {
    IndexConfig config = IndexConfig.of(type).withRecall(PROMISED, K);
    try (FaissBuilder builder = new FaissBuilder(corpus.dim(), config).expect(corpus.size())) {
      builder.add(corpus.items(), corpus.size());
      return builder.build(corpus.tuning(), TUNING_QUERIES);
    }
  }

  private static double recall(VectorIndex index, FaissIndex exact, Corpus corpus) {
    float[] cut = corpus.cut(exact, corpus.queries(), K);
    TopK hits = new TopK();
    double sum = 0;
    for (int i = 0; i < Corpus.QUERIES; i++) {
      index.search(corpus.query(i), K, hits);
      sum += corpus.recall(corpus.query(i), hits, K, cut[i]);
    }
    return sum / Corpus.QUERIES;
  }

  private static double median(VectorIndex index, Corpus corpus, int queries) {
    double[] micros = new double[queries];
    TopK hits = new TopK();
    for (int i = 0; i < queries; i++) {
      float[] query = corpus.query(i);
      long start = System.nanoTime();
      index.search(query, K, hits);
      micros[i] = (System.nanoTime() - start) / 1e3;
    }
    return median(micros);
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }
}
