package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissGpu;
import io.tandem.faiss.Metric;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.IndexFlat;
import io.tandem.faiss.binding.IndexIVF;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.BuildListener;
import io.tandem.index.BuildListener.Stage;
import io.tandem.index.IndexException;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.jspecify.annotations.Nullable;

/** Trains and fills an index with the vectors of a flat one. */
final class Making {
  /** Vectors added in one call: often enough to hear of progress and of an interruption. */
  private static final int CHUNK = 1 << 14;

  /** Nodes take so much longer that interrupting would have to wait. */
  private static final int GRAPH_CHUNK = 1 << 11;

  /** Links of a row that the copies of a vector are hung onto. */
  private static final int LEAST_LINKS = 4;

  private final IndexConfig config;
  private final BuildListener listener;
  private final boolean reproducible;

  Making(IndexConfig config, BuildListener listener, boolean reproducible) {
    this.config = config;
    this.listener = listener;
    this.reproducible = reproducible;
  }

  /**
   * Makes an index that belongs to the caller.
   *
   * @param vectors at least one; they stay the caller's, and must outlive the index where the
   *     recipe keeps vectors
   */
  FaissIndex make(Recipe recipe, Index vectors) {
    Index index = Faiss.create(vectors.d(), recipe.factory(), Metric.INNER_PRODUCT);
    try {
      if (index.metric_type() != Metric.INNER_PRODUCT.code()) {
        throw new IndexException(
            "index %s: FAISS has it for Euclidean distances only".formatted(recipe.name()));
      }
      var graph = faiss.graph(index);
      if (graph != null) {
        graph.hnsw().efConstruction(config.graph().efConstruction());
      }
      train(recipe, index, vectors);
      if (reproducible && graph != null) {
        onOneThread(() -> add(recipe, index, vectors));
      } else {
        add(recipe, index, vectors);
      }
      boolean keeps =
          recipe.keepsVectors()
              || (config.type() == IndexConfig.Type.FACTORY && !rowsWithin(index));
      return new FaissIndex(
          index, recipe.name(), config.metric(), keeps ? KeptVectors.borrowed(vectors) : null);
    } catch (RuntimeException e) {
      index.close();
      throw e;
    }
  }

  /** Whether the index scores single rows itself, for which lists need to know where rows are. */
  private static boolean rowsWithin(Index index) {
    try (Structure withPlaces = new Structure(index)) {
      return ExactRows.within(withPlaces.index());
    }
  }

  /** Learns centroids and codes from vectors that are many enough or repeated. */
  void train(Recipe recipe, Index index, Index vectors) {
    if (index.is_trained()) {
      return;
    }
    listener.progress(Stage.TRAINING, recipe.name(), 0, 1);
    IndexIVF lists = faiss.inverted_file(index);
    TrainingRows rows = trainingRows(index, Math.toIntExact(vectors.ntotal()));
    if (rows.isAll()) {
      train(index, lists, rows.total(), faiss.flat(vectors).get_xb());
    } else {
      try (FloatPointer sample = drawn(faiss.flat(vectors), rows)) {
        train(index, lists, rows.drawn(), sample);
      }
    }
    listener.progress(Stage.TRAINING, recipe.name(), 1, 1);
  }

  /** Centroids of lists are found on a GPU where there is one. */
  private void train(Index index, @Nullable IndexIVF lists, long n, FloatPointer vectors) {
    try (Index search = lists == null ? null : onGpu(lists, n)) {
      if (search == null) {
        Faiss.run(() -> index.train(n, vectors));
      } else {
        Faiss.run(() -> faiss.train_with(index, search, n, vectors));
      }
    }
  }

  /** Exact search for lists' centroids on a GPU, with room for n rows, or null. */
  private @Nullable Index onGpu(IndexIVF lists, long n) {
    // What a GPU's sums come to depends on the order in which its threads add.
    if (reproducible || FaissGpu.problem() != null) {
      return null;
    }
    Metric metric = lists.metric_type() == Metric.L2.code() ? Metric.L2 : Metric.INNER_PRODUCT;
    return FaissGpu.flat(lists.d(), n, metric);
  }

  /**
   * The centroids of lists on a GPU, or null where there is none or they are not searched whole.
   */
  private @Nullable Index centroidsOnGpu(Index index) {
    IndexIVF lists = faiss.inverted_file(index);
    if (lists == null || !faiss.adds_assigned(index)) {
      return null;
    }
    IndexFlat centroids = faiss.flat(lists.asLevel1Quantizer().quantizer());
    Index there = centroids == null ? null : onGpu(lists, centroids.ntotal());
    if (there == null) {
      return null;
    }
    try {
      Faiss.run(() -> there.add(centroids.ntotal(), centroids.get_xb()));
      return there;
    } catch (RuntimeException e) {
      there.close();
      throw e;
    }
  }

  /** The vectors that an index still has to learn from. */
  TrainingRows trainingRows(Index index, int total) {
    IndexIVF lists = faiss.inverted_file(index);
    long centroids = lists == null ? 0 : lists.asLevel1Quantizer().nlist();
    // Codes are of 4 bits each, or 8 in a factory's; every value has a centroid of its own.
    int values = config.type() == IndexConfig.Type.FACTORY ? 256 : 16;
    return TrainingRows.of(centroids, values, total);
  }

  private static FloatPointer drawn(IndexFlat vectors, TrainingRows rows) {
    int dimension = vectors.d();
    FloatPointer from = new FloatPointer(vectors.get_xb());
    FloatPointer sample = new FloatPointer((long) rows.drawn() * dimension);
    float[] vector = new float[dimension];
    for (int i = 0; i < rows.drawn(); i++) {
      from.position((long) rows.row(i) * dimension).get(vector);
      sample.position((long) i * dimension).put(vector);
    }
    return sample.position(0);
  }

  /** FAISS takes the number of threads from the process, whose other calls it binds meanwhile. */
  private static void onOneThread(Runnable work) {
    int threads = Faiss.threads();
    Faiss.setThreads(1);
    try {
      work.run();
    } finally {
      Faiss.setThreads(threads);
    }
  }

  private void add(Recipe recipe, Index index, Index vectors) {
    Faiss.run(() -> faiss.reserve(index, vectors.ntotal()));
    var graph = faiss.graph(index);
    if (graph != null && graph.hnsw().nb_neighbors(0) >= LEAST_LINKS) {
      addGraph(recipe, index, vectors);
    } else {
      addAll(recipe, index, vectors);
    }
  }

  /** Builds a graph of vectors that are all different, and hangs their copies onto it. */
  private void addGraph(Recipe recipe, Index index, Index vectors) {
    int total = Math.toIntExact(vectors.ntotal());
    FloatPointer all = faiss.flat(vectors).get_xb();
    try (IntPointer originals = new IntPointer((long) total)) {
      long distinct = Faiss.call(() -> faiss.find_originals(all, total, vectors.d(), originals));
      if (distinct == total) {
        addAll(recipe, index, vectors);
        return;
      }
      try (Index different = Faiss.create(vectors.d(), "Flat", Metric.INNER_PRODUCT)) {
        Faiss.run(() -> faiss.reserve(different, distinct));
        for (int row = 0; row < total; row++) {
          if (originals.get(row) == row) {
            FloatPointer vector = all.getPointer((long) row * vectors.d());
            Faiss.run(() -> different.add(1, vector));
          }
        }
        addAll(recipe, index, different);
      }
      Faiss.run(() -> faiss.add_copies(index, total, originals));
    }
  }

  private void addAll(Recipe recipe, Index index, Index vectors) {
    long total = vectors.ntotal();
    int dimension = vectors.d();
    FloatPointer from = new FloatPointer(faiss.flat(vectors).get_xb());
    int most = faiss.graph(index) == null ? CHUNK : GRAPH_CHUNK;
    try (Index search = centroidsOnGpu(index)) {
      for (long done = 0; done < total; ) {
        listener.progress(Stage.ADDING, recipe.name(), done, total);
        if (Thread.currentThread().isInterrupted()) {
          throw new IndexException("interrupted while building index " + recipe.name());
        }
        long count = Math.min(most, total - done);
        FloatPointer chunk = from.getPointer(done * dimension);
        if (search == null) {
          Faiss.run(() -> index.add(count, chunk));
        } else {
          Faiss.run(() -> faiss.add_with(index, search, count, chunk));
        }
        done += count;
      }
    }
    listener.progress(Stage.ADDING, recipe.name(), total, total);
  }
}
