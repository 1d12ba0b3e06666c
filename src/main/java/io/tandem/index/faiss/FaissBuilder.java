package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissException;
import io.tandem.faiss.Metric;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.BuildListener;
import io.tandem.index.BuiltIndex;
import io.tandem.index.IndexException;
import io.tandem.index.IndexReport;
import io.tandem.index.IndexReport.Considered;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Collects vectors and builds the index that a configuration asks for.
 *
 * <pre>{@code
 * try (FaissBuilder builder = new FaissBuilder(64, config)) {
 *   builder.expect(rows); // where their number is known
 *   builder.add(vectors, n); // as often as needed
 *   BuiltIndex built = builder.build(sampleQueries, queryCount);
 * }
 * }</pre>
 *
 * <p>Recall is measured against exact search, for queries as they will be asked. Where the
 * configuration leaves search settings open, they are the cheapest that reach the promised recall.
 *
 * <p>Vectors are held once outside the heap while they are collected, and once more in the index
 * built from them, unless that is Flat or keeps codes only. Not thread-safe; building uses FAISS's
 * threads. Interrupting the building thread ends the work with an {@link IndexException}.
 */
public final class FaissBuilder implements AutoCloseable {
  /** Vectors that stand in for queries where none are given. */
  static final int OWN_QUERIES = 200;

  private final int dimension;
  private final IndexConfig config;
  private BuildListener listener = BuildListener.NONE;
  private IntFunction<String> names = row -> "row " + row;
  private boolean reproducible;
  private @Nullable Index collected;

  /**
   * @param dimension of every vector, at least 1
   */
  public FaissBuilder(int dimension, IndexConfig config) {
    if (dimension < 1 || dimension > 1 << 16) {
      throw new IllegalArgumentException(
          "expected a dimension from 1 to 65536, found " + dimension);
    }
    checkRange("m", config.graph().m(), 2, 512);
    checkRange("ef_construction", config.graph().efConstruction(), 1, 1 << 16);
    checkRange("ef_search", config.graph().efSearch(), 0, 1 << 20);
    this.dimension = dimension;
    this.config = config;
    collected = Faiss.create(dimension, "Flat", Metric.INNER_PRODUCT);
  }

  /** Tells a listener how far the building is. */
  public FaissBuilder listener(BuildListener newListener) {
    listener = newListener;
    return this;
  }

  /**
   * The same vectors then give the same index to the bit: graphs, whose links depend on the order
   * in which threads add nodes, are built on one thread.
   */
  public FaissBuilder reproducible() {
    reproducible = true;
    return this;
  }

  /** What messages call a row; by default its number. */
  public FaissBuilder names(IntFunction<String> newNames) {
    names = newNames;
    return this;
  }

  /**
   * Makes room for this many vectors in all, before the first is added.
   *
   * @throws IndexException if an index of so many would take more than the memory limit
   */
  public FaissBuilder expect(int rows) {
    checkMemory(rows);
    Index flat = collected();
    Faiss.run(() -> faiss.reserve(flat, rows));
    return this;
  }

  /**
   * Adds vectors; their rows follow those added before.
   *
   * @param vectors [n × dimension] row-major, finite
   */
  public void add(float[] vectors, int n) {
    Index flat = collected();
    if (n < 0 || vectors.length < (long) n * dimension) {
      throw new IllegalArgumentException(
          "expected %d vectors of dimension %d, found %d numbers"
              .formatted(n, dimension, vectors.length));
    }
    long before = flat.ntotal();
    if (before + n > Integer.MAX_VALUE - 64) {
      throw new IndexException("expected fewer than 2^31 vectors, found " + (before + n));
    }
    for (int i = 0; i < n * dimension; i++) {
      if (!Float.isFinite(vectors[i])) {
        throw new IndexException(
            "expected finite vectors, found %s in %s, component %d"
                .formatted(
                    vectors[i],
                    names.apply(Math.toIntExact(before + i / dimension)),
                    i % dimension));
      }
    }
    float[] scaled = scaled(vectors, n);
    Faiss.run(() -> flat.add(n, scaled));
  }

  /**
   * Builds the index; the builder is spent.
   *
   * @param queries [n × dimension] a sample of queries as they will be asked; where n is 0, some of
   *     the vectors themselves stand in for queries
   * @throws IndexException if no vector was added, or the promised recall cannot be reached
   */
  public BuiltIndex build(float[] queries, int n) {
    Index flat = collected();
    int total = Math.toIntExact(flat.ntotal());
    if (total == 0) {
      throw new IndexException("expected at least 1 vector to index, found none");
    }
    checkMemory(total);
    try {
      FaissIndex exact = new FaissIndex(flat, "Flat", config.metric(), null);
      Sample sample =
          n > 0
              ? Sample.of(exact, scaled(queries, n), n, config.k())
              : Sample.ofOwnRows(exact, OWN_QUERIES, config.k());
      BuiltIndex built =
          config.type() == IndexConfig.Type.AUTO ? automatic(exact, sample) : given(exact, sample);
      FaissIndex index = (FaissIndex) built.index();
      if (index == exact || index.takeOver(flat)) {
        collected = null;
      }
      return built;
    } catch (FaissException e) {
      throw new IndexException("cannot build index: " + e.getMessage(), e);
    }
  }

  /** Frees what was collected and not built from. */
  @Override
  public void close() {
    Index owner = collected;
    if (owner != null) {
      owner.close();
      collected = null;
    }
  }

  private float[] scaled(float[] vectors, int n) {
    return config.metric() == IndexConfig.Metric.COSINE
        ? Cosine.normalized(vectors, n, dimension)
        : vectors;
  }

  private BuiltIndex automatic(FaissIndex exact, Sample sample) {
    AutoChoice.Ranking ranking = new AutoChoice(config, listener, reproducible).rank(exact, sample);
    BuiltIndex built =
        ranking.settle(
            config.minRecall(), type -> build(type, exact, sample, ranking.considered()));
    if (built.recall() < config.minRecall()) {
      throw new IndexException(shortfall(built));
    }
    return built;
  }

  private BuiltIndex given(FaissIndex exact, Sample sample) {
    BuiltIndex built = build(config.type(), exact, sample, List.of());
    boolean settingGiven = config.graph().efSearch() > 0 || config.lists().nprobe() > 0;
    if (settingGiven || built.recall() >= config.minRecall()) {
      return built;
    }
    built.index().close();
    throw new IndexException(shortfall(built));
  }

  private BuiltIndex build(
      IndexConfig.Type type, FaissIndex exact, Sample sample, List<Considered> considered) {
    Recipe recipe = Recipe.of(config.withType(type), exact.size(), dimension);
    FaissIndex index =
        type == IndexConfig.Type.FLAT
            ? exact
            : new Making(config, listener, reproducible).make(recipe, exact.structure().index());
    try {
      Tuner.Tuned tuned = new Tuner(index, sample, config, listener).tune();
      Map<String, Integer> parameters = new TreeMap<>(tuned.parameters());
      if (index.structure().kind() == Structure.Kind.GRAPH) {
        parameters.put("efConstruction", config.graph().efConstruction());
      }
      return new BuiltIndex(
          index,
          recipe.name(),
          parameters,
          tuned.recall(),
          sample.k(),
          new IndexReport(
              config.metric(), tuned.work(), index.bytes(), sample.n(), tuned.curve(), considered));
    } catch (RuntimeException e) {
      if (index != exact) {
        index.close();
      }
      throw e;
    }
  }

  private String shortfall(BuiltIndex built) {
    return "index %s: expected recall@%d of at least %.3f, found %.3f with %s"
            .formatted(
                built.type(),
                built.recallAt(),
                config.minRecall(),
                built.recall(),
                built.parameters())
        + "; more links (m, ef_construction), finer codes, or type flat would reach it";
  }

  private void checkMemory(int rows) {
    if (config.memoryLimit() == 0 || rows == 0) {
      return;
    }
    if (config.type() == IndexConfig.Type.AUTO) {
      AutoChoice.fitting(config, rows, dimension);
      return;
    }
    Recipe recipe = Recipe.of(config, rows, dimension);
    if (recipe.bytes() > config.memoryLimit()) {
      throw AutoChoice.tooLarge(config, recipe, rows, dimension);
    }
  }

  private Index collected() {
    Index owner = collected;
    if (owner == null) {
      throw new IllegalStateException("the builder is spent");
    }
    return owner;
  }

  private static void checkRange(String what, int value, int least, int most) {
    if (value < least || value > most) {
      throw new IllegalArgumentException(
          "expected %s from %d to %d, found %d".formatted(what, least, most, value));
    }
  }
}
