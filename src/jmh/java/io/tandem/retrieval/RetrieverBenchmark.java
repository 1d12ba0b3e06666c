package io.tandem.retrieval;

import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.OpenVersion.QuerySide;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.Storage;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.feature.FeatureBatch;
import io.tandem.tower.ExportedTower;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;

/**
 * What {@link Retriever#retrieve} costs over a bare FAISS search of the same index. Query by query,
 * in turn and on one thread:
 *
 * <ul>
 *   <li>search: FAISS through the binding, buffers reused, the query's vector ready;
 *   <li>tower: encoding the query's features and the query tower's forward pass;
 *   <li>retrieve: all of it, from a {@link Query} to keys and scores.
 * </ul>
 *
 * <p>The overhead is retrieve − search − tower: what is ours beside the work asked for. Recall of
 * the index stands beside the times.
 *
 * <pre>scripts/bench.sh io.tandem.retrieval.RetrieverBenchmark [ITEMS] [DIM] [INDEX]</pre>
 */
public final class RetrieverBenchmark {
  private static final int QUERIES = 2_000;
  private static final int ROUNDS = 6;
  private static final int K = 20;

  private RetrieverBenchmark() {}

  public static void main(String[] args) throws IOException {
    int items = args.length > 0 ? Integer.parseInt(args[0]) : 200_000;
    int dim = args.length > 1 ? Integer.parseInt(args[1]) : 64;
    String type = args.length > 2 ? args[2] : "{type: hnsw, min_recall: 0.95}";
    Path folder = Files.createTempDirectory("retriever");
    try {
      measure(folder, items, dim, type);
    } finally {
      BenchmarkStore.remove(folder);
    }
  }

  private static void measure(Path folder, int items, int dim, String type) throws IOException {
    Faiss.setThreads(Runtime.getRuntime().availableProcessors());
    Version version = BenchmarkStore.publish(folder, items, 10_000, dim, type);
    Faiss.setThreads(1);
    List<Query> queries = BenchmarkStore.queries(QUERIES, items, 7);
    Path file = version.folder().resolve("items.faiss");
    try (Retriever retriever = Retriever.open(folder.resolve("store"));
        OpenVersion open = Store.open(folder.resolve("store")).current().open();
        Index index = Faiss.read(file, dim, Storage.MEMORY)) {
      Bare bare = new Bare(index, open, dim);
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
            retrieve[n] = micros(() -> retriever.retrieve(query, Retrieve.top(K)));
          }
          tower[n] = micros(() -> bare.embed(query));
          search[n] = micros(bare::search);
          if (n % 2 == 1) {
            retrieve[n] = micros(() -> retriever.retrieve(query, Retrieve.top(K)));
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
          K,
          n);
      double bareMedian = print("search", search);
      print("tower", tower);
      print("retrieve", retrieve);
      double ours = print("overhead", overhead);
      System.out.printf(Locale.ROOT, "overhead / search: %.1f %%%n", 100 * ours / bareMedian);
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
  private static final class Bare {
    private final Index index;
    private final OpenVersion open;
    private final QuerySide querySide;
    private final FeatureBatch batch;
    private final ExportedTower.Scratch scratch;
    private final float[] vector;
    private final FloatBuffer query;
    private final FloatPointer queryPointer;
    private final FloatPointer scores = new FloatPointer(K);
    private final LongPointer labels = new LongPointer(K);

    Bare(Index index, OpenVersion open, int dim) {
      this.index = index;
      this.open = open;
      querySide = Objects.requireNonNull(open.querySide());
      batch = new FeatureBatch(querySide.features().querySchema());
      scratch = querySide.tower().scratch();
      vector = new float[dim];
      query =
          ByteBuffer.allocateDirect(dim * Float.BYTES)
              .order(ByteOrder.nativeOrder())
              .asFloatBuffer();
      queryPointer = new FloatPointer(query);
    }

    void embed(Query asked) {
      batch.clear();
      QueryValues values =
          new QueryValues(asked, -1, open.history(), open.items(), Map.of("history", 20));
      querySide.features().queries().encode(values, batch);
      querySide.tower().embed(batch, 0, scratch, vector);
      query.put(0, vector);
    }

    void search() {
      faiss.search(index, 1, queryPointer, K, 0, null, scores, labels);
    }
  }
}
