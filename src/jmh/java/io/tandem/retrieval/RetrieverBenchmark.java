package io.tandem.retrieval;

import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.OpenVersion.QuerySide;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import io.tandem.faiss.Faiss;
import io.tandem.feature.FeatureBatch;
import io.tandem.index.TopK;
import io.tandem.tower.ExportedTower;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * End to end: what {@link Retriever#retrieve} takes from a query's features to keys and scores, and
 * what of it goes beyond its parts. Query by query, in turn and on one thread:
 *
 * <ul>
 *   <li>search: the index alone, the query's vector ready;
 *   <li>tower: encoding the query's features and the query tower's forward pass;
 *   <li>retrieve: all of it, from a {@link Query} to keys and scores.
 * </ul>
 *
 * <p>The overhead is retrieve − search − tower: what is ours beside the work asked for. Recall of
 * the index stands beside the times.
 *
 * <p>The vectors are of a trained model, as are the queries. Building a graph over a million takes
 * some ten minutes; what was built is kept for the next run.
 *
 * <pre>scripts/bench.sh io.tandem.retrieval.RetrieverBenchmark [ITEMS] [INDEX] [K]</pre>
 */
public final class RetrieverBenchmark {
  private static final int QUERIES = 2_000;
  private static final int ROUNDS = 6;

  private RetrieverBenchmark() {}

  public static void main(String[] args) throws IOException {
    int items = args.length > 0 ? Integer.parseInt(args[0]) : 100_000;
    String type = args.length > 1 ? args[1] : "{type: hnsw, m: 16, ef_construction: 100}";
    int k = args.length > 2 ? Integer.parseInt(args[2]) : 100;
    measure(TrainedStore.of(items, type, 1), items, k);
  }

  private static void measure(Path store, int items, int k) throws IOException {
    Faiss.setThreads(1);
    List<Query> queries = TrainedStore.queries(QUERIES);
    try (Retriever retriever = Retriever.open(store);
        OpenVersion open = Store.open(store).current().open()) {
      Version version = open.version();
      int dim = version.manifest().dimension();
      Parts parts = new Parts(open, k);
      double[] search = new double[QUERIES * ROUNDS];
      double[] tower = new double[QUERIES * ROUNDS];
      double[] retrieve = new double[QUERIES * ROUNDS];
      double[] overhead = new double[QUERIES * ROUNDS];
      int n = 0;
      for (int round = -2; round < ROUNDS; round++) {
        n = Math.max(0, round) * QUERIES;
        for (Query query : queries) {
          // In alternating order: whoever comes second finds caches warm.
          if (n % 2 == 0) {
            retrieve[n] = micros(() -> retriever.retrieve(query, Retrieve.top(k)));
          }
          tower[n] = micros(() -> parts.embed(query));
          search[n] = micros(parts::search);
          if (n % 2 == 1) {
            retrieve[n] = micros(() -> retriever.retrieve(query, Retrieve.top(k)));
          }
          overhead[n] = retrieve[n] - search[n] - tower[n];
          n++;
        }
      }
      System.out.printf(
          Locale.ROOT,
          "%d items x %d, %s %s, recall@%d %.3f, k = %d, %d queries; median and 95th percentile"
              + " in us:%n",
          items,
          dim,
          version.manifest().index().type(),
          version.manifest().index().parameters(),
          version.manifest().index().recallAt(),
          version.manifest().index().recall(),
          k,
          n);
      double searchMedian = print("search", search);
      print("tower", tower);
      print("retrieve", retrieve);
      double ours = print("overhead", overhead);
      System.out.printf(Locale.ROOT, "overhead / search: %.1f %%%n", 100 * ours / searchMedian);
    }
  }

  private static double micros(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / 1e3;
  }

  private static double print(String what, double[] micros) {
    Arrays.sort(micros);
    double median = micros[micros.length / 2];
    System.out.printf(
        Locale.ROOT, "  %-9s %9.2f %9.2f%n", what, median, micros[micros.length * 95 / 100]);
    return median;
  }

  /** The parts by hand. */
  private static final class Parts {
    private final OpenVersion open;
    private final int k;
    private final QuerySide querySide;
    private final FeatureBatch batch;
    private final ExportedTower.Scratch scratch;
    private final float[] vector;
    private final TopK hits = new TopK();

    Parts(OpenVersion open, int k) {
      this.open = open;
      this.k = k;
      querySide = Objects.requireNonNull(open.querySide());
      batch = new FeatureBatch(querySide.features().querySchema());
      scratch = querySide.tower().scratch();
      vector = new float[open.index().dimension()];
    }

    void embed(Query asked) {
      batch.clear();
      QueryValues values = new QueryValues(asked, -1, open.history(), open.items(), Map.of());
      querySide.features().queries().encode(values, batch);
      querySide.tower().embed(batch, 0, scratch, vector);
    }

    void search() {
      open.index().search(vector, k, hits);
    }
  }
}
