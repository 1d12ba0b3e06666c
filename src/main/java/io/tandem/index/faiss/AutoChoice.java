package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.Metric;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.BuildListener;
import io.tandem.index.BuildListener.Stage;
import io.tandem.index.BuiltIndex;
import io.tandem.index.IndexException;
import io.tandem.index.IndexReport.Considered;
import io.tandem.index.IndexReport.Point;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import org.bytedeco.javacpp.FloatPointer;

/**
 * Chooses a type by the vectors themselves: types that fit into memory are built over a part of
 * them, and the one whose search is expected to be the least work over all of them is first. What
 * lists cost grows by the square root, as they are as many; what a graph must look at for a given
 * recall grows by the logarithm for some vectors and faster than lists for others, which a part of
 * the part tells. Exact search is the measure: what is not clearly less work is not worth its lost
 * recall, however many vectors there are.
 */
final class AutoChoice {
  /** Exact search over this many floats takes a fraction of a millisecond. */
  private static final long CHEAP_FLOATS = 1L << 21;

  /** Vectors that types are tried over. */
  private static final int PILOT = 1 << 15;

  /** How many times fewer the smaller part has. */
  private static final int SMALLER = 4;

  /** Power of the number of vectors by which the work of lists grows: they are as many as √n. */
  private static final double GROWTH_OF_LISTS = 0.5;

  private static final double LEAST_GROWTH_OF_GRAPHS = 0.1;

  /** How much less work than exact search an approximate one must be. */
  private static final double WORTHWHILE = 1.5;

  /**
   * How many times the work that another type is expected to take makes that one worth building.
   */
  private static final double SURPRISE = 2;

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
   * @param considered what was measured for it, of each type; empty where nothing was
   */
  record Ranking(List<IndexConfig.Type> types, List<Considered> considered) {
    /**
     * Builds the first that keeps the promise, unless it turns out to be far more work than another
     * is expected to be: then that one is built as well, and the less work stays. All others are
     * closed.
     *
     * @param build builds and tunes a type
     * @return what stays; where none keeps the promise, the one that comes nearest, closed
     */
    BuiltIndex settle(double minRecall, Function<IndexConfig.Type, BuiltIndex> build) {
      BuiltIndex nearest = null;
      IndexConfig.Type best = null;
      double leastWork = Double.POSITIVE_INFINITY;
      for (int rank = 0; rank < types.size(); rank++) {
        IndexConfig.Type type = types.get(rank);
        if (best != null && SURPRISE * considered.get(rank).expectedWork() >= leastWork) {
          continue;
        }
        BuiltIndex built = build.apply(type);
        double work = built.report().searchWork();
        if (built.recall() >= minRecall && work < leastWork) {
          if (type == IndexConfig.Type.FLAT || work <= SURPRISE * leastExpectedWork(rank + 1)) {
            return built;
          }
          best = type;
          leastWork = work;
        }
        built.index().close();
        nearest = nearest == null || built.recall() > nearest.recall() ? built : nearest;
      }
      return best == null ? Objects.requireNonNull(nearest) : build.apply(best);
    }

    private double leastExpectedWork(int rank) {
      return considered.stream()
          .skip(rank)
          .mapToDouble(Considered::expectedWork)
          .min()
          .orElse(Double.POSITIVE_INFINITY);
    }
  }

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
    int rows = Math.min(total, PILOT);
    List<Expected> tried = new ArrayList<>();
    try (Pilot pilot = new Pilot(exact, whole, rows);
        Pilot smaller = new Pilot(exact, whole, Math.max(1, rows / SMALLER))) {
      for (IndexConfig.Type type : fitting) {
        tried.add(
            type == IndexConfig.Type.FLAT
                ? flat(total, dimension)
                : attempt(type, pilot, smaller, total));
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

  private Expected attempt(IndexConfig.Type type, Pilot pilot, Pilot smaller, int total) {
    Measured large = measure(type, pilot);
    double times = (double) total / pilot.rows();
    double expected =
        times > 1
            ? large.work() * Math.pow(times, growth(type, large, pilot, smaller))
            : large.work();
    Recipe recipe = Recipe.of(config.withType(type), total, pilot.dimension());
    return new Expected(
        type,
        new Considered(
            recipe.name(), pilot.rows(), large.recall(), large.work(), expected, recipe.bytes()));
  }

  /** The power of the number of vectors by which a type's work grows. */
  private double growth(IndexConfig.Type type, Measured large, Pilot pilot, Pilot smaller) {
    return switch (large.kind()) {
      case FLAT, OTHER -> 1;
      case LISTS, FAST_SCAN -> GROWTH_OF_LISTS;
      case GRAPH -> {
        double measured =
            Math.log(large.work() / measure(type, smaller).work())
                / Math.log((double) pilot.rows() / smaller.rows());
        yield Math.min(1, Math.max(LEAST_GROWTH_OF_GRAPHS, measured));
      }
    };
  }

  /** What a type came to over a part. */
  private record Measured(Structure.Kind kind, double recall, double work) {}

  private Measured measure(IndexConfig.Type type, Pilot pilot) {
    IndexConfig typed = config.withType(type);
    Recipe recipe = Recipe.of(typed, pilot.rows(), pilot.dimension());
    listener.progress(Stage.CHOOSING, recipe.name(), 0, 1);
    try (FaissIndex index =
        new Making(typed, BuildListener.NONE, reproducible).make(recipe, pilot.vectors())) {
      Tuner.Tuned tuned = new Tuner(index, pilot.sample(), typed, BuildListener.NONE).tune();
      return new Measured(
          index.structure().kind(), tuned.recall(), workFor(config.minRecall(), tuned));
    }
  }

  /**
   * Work for just a recall, between the settings that were tried: these lie so far apart that
   * growth could not be told from steps.
   */
  private static double workFor(double recall, Tuner.Tuned tuned) {
    Point above = null;
    Point below = null;
    for (Point point : tuned.curve()) {
      if (point.recall() >= recall && (above == null || point.work() < above.work())) {
        above = point;
      }
    }
    if (above == null) {
      return tuned.work();
    }
    for (Point point : tuned.curve()) {
      if (point.recall() < recall
          && point.work() < above.work()
          && (below == null || point.recall() > below.recall())) {
        below = point;
      }
    }
    if (below == null) {
      return above.work();
    }
    double part = (recall - below.recall()) / (above.recall() - below.recall());
    return below.work() + part * (above.work() - below.work());
  }

  /** Evenly spread vectors, and what exact search over them answers. */
  private final class Pilot implements AutoCloseable {
    private final Index vectors;
    private final Sample sample;

    Pilot(FaissIndex exact, Sample whole, int rows) {
      vectors = part(exact.structure().index(), rows);
      try {
        FaissIndex searched = new FaissIndex(vectors, "Flat", config.metric(), null);
        sample = Sample.of(searched, whole.queries(), whole.n(), config.k());
      } catch (RuntimeException e) {
        vectors.close();
        throw e;
      }
    }

    Index vectors() {
      return vectors;
    }

    Sample sample() {
      return sample;
    }

    int rows() {
      return sample.exact().size();
    }

    int dimension() {
      return sample.exact().dimension();
    }

    @Override
    public void close() {
      vectors.close();
    }
  }

  private static Index part(Index vectors, int rows) {
    int dimension = vectors.d();
    long total = vectors.ntotal();
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
