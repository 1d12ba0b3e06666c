package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.Metric;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.BuildListener;
import io.tandem.index.BuildListener.Stage;
import io.tandem.index.IndexException;
import io.tandem.index.IndexReport.Considered;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.bytedeco.javacpp.FloatPointer;

/**
 * Chooses a type by the vectors themselves: types that fit into memory are built over a part of
 * them, and the one whose search is expected to be the least work over all of them is first. Exact
 * search is the measure: what is not clearly less work is not worth its lost recall, however many
 * vectors there are. That depends on how they cluster.
 */
final class AutoChoice {
  /** Exact search over this many floats takes a fraction of a millisecond. */
  private static final long CHEAP_FLOATS = 1L << 21;

  /** Vectors that types are tried over. */
  private static final int PILOT = 1 << 15;

  /** How much less work than exact search an approximate one must be. */
  private static final double WORTHWHILE = 1.5;

  private static final List<IndexConfig.Type> TRIED =
      List.of(IndexConfig.Type.HNSW, IndexConfig.Type.IVF_SQ8, IndexConfig.Type.IVF_PQ_FAST_SCAN);

  /** Smaller ones, tried only where none of the others fits. */
  private static final List<IndexConfig.Type> COMPACT =
      List.of(IndexConfig.Type.FLAT_FP16, IndexConfig.Type.IVF_FP16);

  private final IndexConfig config;
  private final BuildListener listener;
  private final boolean reproducible;

  AutoChoice(IndexConfig config, BuildListener listener, boolean reproducible) {
    this.config = config;
    this.listener = listener;
    this.reproducible = reproducible;
  }

  /**
   * The order in which to build types until one keeps the promise.
   *
   * @param types never empty
   * @param considered what was measured for it
   */
  record Ranking(List<IndexConfig.Type> types, List<Considered> considered) {}

  /**
   * @param exact over all vectors
   * @param whole of them
   * @throws IndexException if no type fits into the memory limit
   */
  Ranking rank(FaissIndex exact, Sample whole) {
    int total = exact.size();
    int dimension = exact.dimension();
    List<IndexConfig.Type> fitting = fitting(config, total, dimension);
    if (fitting.contains(IndexConfig.Type.FLAT) && (long) total * dimension <= CHEAP_FLOATS) {
      return new Ranking(List.of(IndexConfig.Type.FLAT), List.of());
    }
    List<Expected> tried = new ArrayList<>();
    try (Index part = part(exact.structure().index())) {
      FaissIndex pilot = new FaissIndex(part, "Flat", config.metric(), null);
      Sample sample = Sample.of(pilot, whole.queries(), whole.n(), config.k());
      for (IndexConfig.Type type : fitting) {
        tried.add(
            type == IndexConfig.Type.FLAT
                ? flat(total, dimension)
                : attempt(type, pilot, sample, total));
      }
    }
    // A type that fell short on the part may do on the whole, but last.
    tried.sort(
        Comparator.comparing((Expected e) -> e.considered.recall() < config.minRecall())
            .thenComparing(e -> e.considered.expectedWork()));
    return new Ranking(
        tried.stream().map(Expected::type).toList(),
        tried.stream().map(Expected::considered).toList());
  }

  /** A type and what is to be expected of it. */
  private record Expected(IndexConfig.Type type, Considered considered) {}

  private Expected flat(int total, int dimension) {
    Recipe recipe = Recipe.of(config.withType(IndexConfig.Type.FLAT), total, dimension);
    // Weighed so that others come before it only where they are clearly less work.
    return new Expected(
        IndexConfig.Type.FLAT,
        new Considered(recipe.name(), total, 1, total, total / WORTHWHILE, recipe.bytes()));
  }

  private Expected attempt(IndexConfig.Type type, FaissIndex exact, Sample sample, int total) {
    IndexConfig typed = config.withType(type);
    int rows = exact.size();
    Recipe recipe = Recipe.of(typed, rows, exact.dimension());
    Recipe whole = Recipe.of(typed, total, exact.dimension());
    listener.progress(Stage.CHOOSING, recipe.name(), 0, 1);
    try (FaissIndex index =
        new Making(typed, BuildListener.NONE, reproducible)
            .make(recipe, exact.structure().index())) {
      Tuner.Tuned tuned = new Tuner(index, sample, typed, BuildListener.NONE).tune();
      double expected = tuned.work() * growth(index.structure().kind(), rows, total);
      return new Expected(
          type,
          new Considered(
              whole.name(), rows, tuned.recall(), tuned.work(), expected, whole.bytes()));
    }
  }

  /** How the work of a search grows with the number of vectors. */
  private static double growth(Structure.Kind kind, int rows, int total) {
    double times = (double) total / rows;
    return switch (kind) {
      case GRAPH -> Math.log(total) / Math.log(Math.max(2, rows));
      case LISTS, FAST_SCAN -> Math.sqrt(times);
      case FLAT, OTHER -> times;
    };
  }

  /** Evenly spread vectors. */
  private static Index part(Index vectors) {
    int dimension = vectors.d();
    long total = vectors.ntotal();
    int rows = (int) Math.min(total, PILOT);
    Index part = Faiss.create(dimension, "Flat", Metric.INNER_PRODUCT);
    try {
      Faiss.run(() -> faiss.reserve(part, rows));
      FloatPointer from = new FloatPointer(faiss.flat(vectors).get_xb());
      for (int i = 0; i < rows; i++) {
        FloatPointer vector = from.getPointer(i * total / rows * dimension);
        Faiss.run(() -> part.add(1, vector));
      }
      return part;
    } catch (RuntimeException e) {
      part.close();
      throw e;
    }
  }

  /**
   * Types that may be chosen and fit into the memory limit.
   *
   * @throws IndexException if none does
   */
  static List<IndexConfig.Type> fitting(IndexConfig config, int total, int dimension) {
    List<IndexConfig.Type> fitting = new ArrayList<>();
    for (IndexConfig.Type type : TRIED) {
      if (fits(config, type, total, dimension)) {
        fitting.add(type);
      }
    }
    if (fits(config, IndexConfig.Type.FLAT, total, dimension)) {
      fitting.add(IndexConfig.Type.FLAT);
    } else {
      for (IndexConfig.Type type : COMPACT) {
        if (fits(config, type, total, dimension)) {
          fitting.add(type);
        }
      }
    }
    if (fitting.isEmpty()) {
      Recipe least =
          Recipe.of(config.withType(IndexConfig.Type.IVF_PQ_FAST_SCAN), total, dimension);
      throw tooLarge(config, least, total, dimension);
    }
    return fitting;
  }

  private static boolean fits(IndexConfig config, IndexConfig.Type type, int total, int dimension) {
    long bytes = Recipe.of(config.withType(type), total, dimension).bytes();
    return config.memoryLimit() == 0 || bytes <= config.memoryLimit();
  }

  static IndexException tooLarge(IndexConfig config, Recipe recipe, int total, int dimension) {
    return new IndexException(
        String.format(
            Locale.ROOT,
            "%,d vectors of dimension %d: expected an index of at most %s (memory_limit), found"
                + " that %s needs about %s",
            total,
            dimension,
            megabytes(config.memoryLimit()),
            config.type() == IndexConfig.Type.AUTO ? "even " + recipe.name() : recipe.name(),
            megabytes(recipe.bytes())));
  }

  private static String megabytes(long bytes) {
    return String.format(Locale.ROOT, bytes < 1e6 ? "%.3f MB" : "%.1f MB", bytes / 1e6);
  }
}
