package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissException;
import io.tandem.faiss.Metric;
import io.tandem.faiss.binding.HNSW;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.IndexFlat;
import io.tandem.faiss.binding.IndexHNSW;
import io.tandem.faiss.binding.IndexIVF;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.BuiltIndex;
import io.tandem.index.IndexException;
import io.tandem.index.TopK;
import java.util.Map;
import org.bytedeco.javacpp.FloatPointer;
import org.jspecify.annotations.Nullable;

/**
 * Collects vectors and builds the index that a configuration asks for.
 *
 * <pre>{@code
 * try (FaissBuilder builder = new FaissBuilder(64, config)) {
 *   builder.add(vectors, n); // as often as needed
 *   BuiltIndex built = builder.build(sampleQueries, queryCount);
 * }
 * }</pre>
 *
 * <p>Recall is measured against exact search, for queries as they will be asked. Where the
 * configuration leaves the search effort open, it is the least that reaches the promised recall.
 *
 * <p>AUTO is a Flat index where exact search is cheap anyway, or where, for these vectors and
 * queries, a graph of the promised recall is not clearly faster: that depends on how the data
 * clusters, not only on how much there is.
 *
 * <p>Vectors are held once outside the heap while they are collected, and once more in the index
 * built from them, unless that is Flat. Not thread-safe; building uses FAISS's threads.
 */
public final class FaissBuilder implements AutoCloseable {
  /** Exact search over this many floats takes a fraction of a millisecond. */
  private static final long CHEAP_FLOATS = 1L << 21;

  /** How much faster than exact search a graph must be to be worth its lost recall. */
  private static final double WORTHWHILE = 1.5;

  private static final int[] EFFORTS = {
    16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048
  };
  private static final int TIMED_QUERIES = 50;
  private static final int SAMPLED_ROWS = 200;
  private static final int CHUNK = 1 << 16;

  private final int dimension;
  private final IndexConfig config;
  private @Nullable Index collected;

  /**
   * @param dimension of every vector, at least 1
   */
  public FaissBuilder(int dimension, IndexConfig config) {
    if (dimension < 1 || dimension > 1 << 16) {
      throw new IllegalArgumentException(
          "expected a dimension from 1 to 65536, found " + dimension);
    }
    this.dimension = dimension;
    this.config = config;
    collected = Faiss.create(dimension, "Flat", Metric.INNER_PRODUCT);
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
            "expected finite vectors, found %s in row %d, component %d"
                .formatted(vectors[i], before + i / dimension, i % dimension));
      }
    }
    Faiss.run(() -> flat.add(n, vectors));
  }

  /**
   * Builds the index; the builder is spent.
   *
   * @param queries [n × dimension] a sample of queries as they will be asked; where n is 0, some of
   *     the vectors themselves stand in for queries
   * @throws IndexException if no vector was added, or the promised recall cannot be reached
   */
  public BuiltIndex build(float[] queries, int n) {
    Index owner = collected();
    if (owner.ntotal() == 0) {
      throw new IndexException("expected at least 1 vector to index, found none");
    }
    try {
      FaissIndex exact = new FaissIndex(owner, "Flat");
      IndexFlat flat = faiss.flat(owner);
      Sample sample = n > 0 ? Sample.of(exact, queries, n, config.k()) : ownRows(exact);
      BuiltIndex built =
          switch (config.type()) {
            case FLAT -> asFlat(exact);
            case HNSW -> promised(graph(flat, sample));
            case AUTO -> automatic(flat, exact, sample);
            case FACTORY -> promised(fromFactory(flat, sample));
          };
      if (built.index() == exact) {
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

  private BuiltIndex asFlat(FaissIndex exact) {
    return new BuiltIndex(exact, exact.type(), Map.of(), 1, config.k());
  }

  private BuiltIndex automatic(IndexFlat flat, FaissIndex exact, Sample sample) {
    if ((long) exact.size() * dimension <= CHEAP_FLOATS) {
      return asFlat(exact);
    }
    BuiltIndex graph = graph(flat, sample);
    if (graph.recall() >= config.minRecall()
        && nanosPerQuery((FaissIndex) graph.index(), sample) * WORTHWHILE
            < nanosPerQuery(exact, sample)) {
      return graph;
    }
    graph.index().close();
    return asFlat(exact);
  }

  private BuiltIndex graph(IndexFlat flat, Sample sample) {
    checkRange("m", config.m(), 2, 512);
    checkRange("ef_construction", config.efConstruction(), 1, 1 << 16);
    checkRange("ef_search", config.efSearch(), 0, 1 << 20);
    String type = "HNSW" + config.m();
    Index index = Faiss.create(dimension, type + ",Flat", Metric.INNER_PRODUCT);
    try {
      HNSW hnsw = faiss.graph(index).hnsw();
      hnsw.efConstruction(config.efConstruction());
      fill(index, flat);
      FaissIndex graph = new FaissIndex(index, type);
      Effort effort =
          tune(graph, sample, config.efSearch(), Integer.MAX_VALUE, value -> hnsw.efSearch(value));
      return new BuiltIndex(
          graph,
          type,
          Map.of("efConstruction", config.efConstruction(), "efSearch", effort.value()),
          effort.recall(),
          sample.k());
    } catch (RuntimeException e) {
      index.close();
      throw e;
    }
  }

  private BuiltIndex fromFactory(IndexFlat flat, Sample sample) {
    String factory = config.factory();
    if (factory == null) {
      throw new IllegalArgumentException("expected a factory string, found none");
    }
    Index index = Faiss.create(dimension, factory, Metric.INNER_PRODUCT);
    try {
      FloatPointer vectors = flat.get_xb();
      if (!index.is_trained()) {
        Faiss.run(() -> index.train(flat.ntotal(), vectors));
      }
      fill(index, flat);
      FaissIndex built = new FaissIndex(index, factory);
      return tuned(built, sample);
    } catch (RuntimeException e) {
      index.close();
      throw e;
    }
  }

  /** Sets the effort of a graph or of inverted lists; other types have none to set. */
  private BuiltIndex tuned(FaissIndex built, Sample sample) {
    IndexHNSW graph = built.parts().graph();
    if (graph != null) {
      HNSW hnsw = graph.hnsw();
      Effort effort =
          tune(built, sample, config.efSearch(), Integer.MAX_VALUE, value -> hnsw.efSearch(value));
      return result(built, Map.of("efSearch", effort.value()), effort.recall(), sample);
    }
    IndexIVF lists = built.parts().lists();
    if (lists != null) {
      int most = Math.toIntExact(lists.asLevel1Quantizer().nlist());
      Effort effort = tune(built, sample, 0, most, value -> lists.nprobe(value));
      return result(built, Map.of("nprobe", effort.value()), effort.recall(), sample);
    }
    return result(built, Map.of(), sample.recall(built), sample);
  }

  private static BuiltIndex result(
      FaissIndex index, Map<String, Integer> parameters, double recall, Sample sample) {
    return new BuiltIndex(index, index.type(), parameters, recall, sample.k());
  }

  /** Adds chunk by chunk: FAISS plans a graph's levels per call, in memory per vector. */
  private void fill(Index index, IndexFlat flat) {
    FloatPointer vectors = flat.get_xb();
    long total = flat.ntotal();
    for (long from = 0; from < total; from += CHUNK) {
      long count = Math.min(CHUNK, total - from);
      FloatPointer chunk = vectors.getPointer(from * dimension);
      Faiss.run(() -> index.add(count, chunk));
    }
  }

  private BuiltIndex promised(BuiltIndex built) {
    boolean given = config.efSearch() > 0;
    if (given || built.recall() >= config.minRecall()) {
      return built;
    }
    built.index().close();
    throw new IndexException(
        "index %s: expected recall@%d of at least %.3f, found %.3f with %s"
                .formatted(
                    built.type(),
                    built.recallAt(),
                    config.minRecall(),
                    built.recall(),
                    built.parameters())
            + "; more links (m, ef_construction), finer codes, or type flat would reach it");
  }

  /** The least effort that reaches the promised recall, or the greatest that was tried. */
  private Effort tune(FaissIndex index, Sample sample, int given, int most, EffortSetter setter) {
    if (given > 0) {
      setter.set(given);
      return new Effort(given, sample.recall(index));
    }
    Effort effort = new Effort(0, -1);
    int least = most == Integer.MAX_VALUE ? EFFORTS[0] : 1;
    for (int value = least; effort.recall() < config.minRecall(); value = next(value)) {
      int bounded = Math.min(value, most);
      setter.set(bounded);
      effort = new Effort(bounded, sample.recall(index));
      if (bounded == most || value >= EFFORTS[EFFORTS.length - 1]) {
        break;
      }
    }
    return effort;
  }

  private static int next(int effort) {
    for (int value : EFFORTS) {
      if (value > effort) {
        return effort < EFFORTS[0] ? effort * 2 : value;
      }
    }
    return effort * 2;
  }

  private record Effort(int value, double recall) {}

  private interface EffortSetter {
    void set(int value);
  }

  private Sample ownRows(FaissIndex exact) {
    int n = Math.min(SAMPLED_ROWS, exact.size());
    float[] queries = new float[n * dimension];
    float[] vector = new float[dimension];
    for (int i = 0; i < n; i++) {
      exact.vector((int) ((long) i * exact.size() / n), vector);
      System.arraycopy(vector, 0, queries, i * dimension, dimension);
    }
    return Sample.of(exact, queries, n, config.k());
  }

  private double nanosPerQuery(FaissIndex index, Sample sample) {
    int n = Math.min(TIMED_QUERIES, sample.n());
    long best = Long.MAX_VALUE;
    TopK hits = new TopK();
    for (int round = 0; round < 3; round++) {
      long start = System.nanoTime();
      for (int i = 0; i < n; i++) {
        index.search(sample.query(i), sample.k(), hits);
      }
      best = Math.min(best, System.nanoTime() - start);
    }
    return (double) best / n;
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
