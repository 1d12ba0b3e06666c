package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissException;
import io.tandem.faiss.Metric;
import io.tandem.faiss.Storage;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.BuildListener;
import io.tandem.index.BuiltIndex;
import io.tandem.index.IndexException;
import io.tandem.index.IndexReport;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One index built in parts, on as many machines as there are parts:
 *
 * <pre>{@code
 * IndexShards shards = new IndexShards(dimension, config, total);
 * TrainingRows rows = shards.trainingRows();
 * shards.train(sample, n, trained);         // once, from these rows: an empty index for all parts
 * try (IndexShards.Shard shard = shards.shard(trained)) {   // for each part, anywhere
 *   shard.add(vectors, count);
 *   shard.write(part);
 * }
 * BuiltIndex built = shards.merge(parts, queries, queryCount);
 * }</pre>
 *
 * <p>Rows of the whole are those of the first part, then those of the second, and so on. Every part
 * has the centroids of the trained index, which are those that one machine learns, so that its
 * lists are those of one index over all vectors: merging appends them, and the whole is what {@link
 * FaissBuilder} makes of the same vectors, to the byte where both round alike which of two equally
 * near centroids is nearest. A shard is two plain FAISS files, {@code NAME} and, unless that is
 * flat itself, {@code NAME.flat} with its whole vectors.
 */
public final class IndexShards {
  /** Types whose parts can be put together. A graph's cannot, nor can blocks of packed codes. */
  private static final Set<IndexConfig.Type> MERGEABLE =
      Set.of(
          IndexConfig.Type.FLAT,
          IndexConfig.Type.IVF_FLAT,
          IndexConfig.Type.IVF_SQ8,
          IndexConfig.Type.IVF_FP16);

  private final int dimension;
  private final IndexConfig config;
  private final Recipe recipe;
  private final int total;

  /**
   * @param total number of vectors of all parts: how many lists there are depends on it
   * @throws IllegalArgumentException if parts of such an index cannot be merged
   */
  public IndexShards(int dimension, IndexConfig config, int total) {
    requireMergeable(config);
    this.dimension = dimension;
    this.config = config;
    this.total = total;
    recipe = Recipe.of(config, total, dimension);
  }

  /**
   * Says before any work whether an index can be built in parts.
   *
   * @throws IllegalArgumentException if it cannot
   */
  public static void requireMergeable(IndexConfig config) {
    if (!MERGEABLE.contains(config.type()) || config.pca() > 0) {
      throw new IllegalArgumentException(
          "index.type: expected %s without pca, whose shards can be merged, found %s%s"
              .formatted(
                  MERGEABLE.stream()
                      .sorted()
                      .map(IndexShards::name)
                      .collect(Collectors.joining(", ")),
                  name(config.type()),
                  config.pca() > 0 ? " with pca" : ""));
    }
  }

  private static String name(IndexConfig.Type type) {
    return type.name().toLowerCase(Locale.ROOT);
  }

  /** The rows of the whole that centroids are learnt from; none where there is nothing to learn. */
  public TrainingRows trainingRows() {
    try (Index index = Faiss.create(dimension, recipe.factory(), Metric.INNER_PRODUCT)) {
      return index.is_trained()
          ? new TrainingRows(0, total)
          : new Making(config, BuildListener.NONE, true).trainingRows(index, total);
    }
  }

  /**
   * Learns centroids and writes the empty index.
   *
   * @param sample [n × dimension] vectors of {@link #trainingRows}, each once, ascending
   */
  public void train(float[] sample, int n, Path file) {
    try (Index index = Faiss.create(dimension, recipe.factory(), Metric.INNER_PRODUCT);
        Index vectors = Faiss.create(dimension, "Flat", Metric.INNER_PRODUCT)) {
      if (n > 0) {
        add(vectors, sample, n);
      }
      new Making(config, BuildListener.NONE, true).train(recipe, index, vectors);
      Faiss.write(index, file);
    } catch (FaissException e) {
      throw new IndexException("cannot train index " + recipe.name() + ": " + e.getMessage(), e);
    }
  }

  /**
   * Begins a part.
   *
   * @param trained what {@link #train} wrote
   */
  public Shard shard(Path trained) {
    try {
      return new Shard(Faiss.read(trained, dimension, Storage.MEMORY));
    } catch (FaissException e) {
      throw new IndexException(e);
    }
  }

  /** A part being built. Not thread-safe. */
  public final class Shard implements AutoCloseable {
    private final Index index;
    private final @Nullable Index vectors;

    private Shard(Index index) {
      this.index = index;
      vectors =
          config.type() == IndexConfig.Type.FLAT
              ? null
              : Faiss.create(dimension, "Flat", Metric.INNER_PRODUCT);
    }

    /** Adds vectors [n × dimension], finite. */
    public void add(float[] added, int n) {
      for (int i = 0; i < n * dimension; i++) {
        if (!Float.isFinite(added[i])) {
          throw new IndexException(
              "expected finite vectors, found %s in row %d of the shard, component %d"
                  .formatted(added[i], index.ntotal() + i / dimension, i % dimension));
        }
      }
      IndexShards.this.add(index, added, n);
      if (vectors != null) {
        IndexShards.this.add(vectors, added, n);
      }
    }

    /** Writes the part's files. */
    public void write(Path file) {
      try {
        Faiss.write(index, file);
        if (vectors != null) {
          Faiss.write(vectors, flat(file));
        }
      } catch (FaissException e) {
        throw new IndexException(e);
      }
    }

    @Override
    public void close() {
      index.close();
      if (vectors != null) {
        vectors.close();
      }
    }
  }

  /**
   * Puts parts together, finds the search setting that keeps the promised recall, and measures it.
   *
   * @param parts what {@link Shard#write} wrote, in the order of their rows
   * @param queries [n × dimension] as they will be asked; where n is 0, vectors stand in for them
   * @throws IndexException if parts cannot be read or do not fit together, or the promised recall
   *     cannot be reached
   */
  public BuiltIndex merge(List<Path> parts, float[] queries, int n) {
    boolean isFlat = config.type() == IndexConfig.Type.FLAT;
    Index vectors = merged(isFlat ? parts : parts.stream().map(IndexShards::flat).toList());
    @Nullable FaissIndex index = null;
    try {
      FaissIndex exact = new FaissIndex(vectors, "Flat", config.metric(), null);
      index = isFlat ? exact : listed(merged(parts), vectors);
      if (index.size() != exact.size()) {
        throw new IndexException(
            "shards of %d vectors: expected as many in their index, found %d"
                .formatted(exact.size(), index.size()));
      }
      BuiltIndex built = tuned(index, sample(exact, queries, n));
      if (!isFlat && !index.takeOver(vectors)) {
        vectors.close();
      }
      return built;
    } catch (RuntimeException e) {
      if (index != null && !isFlat) {
        index.close();
      }
      vectors.close();
      throw e;
    }
  }

  private FaissIndex listed(Index merged, Index vectors) {
    try {
      KeptVectors kept = recipe.keepsVectors() ? KeptVectors.borrowed(vectors) : null;
      return new FaissIndex(merged, recipe.name(), config.metric(), kept);
    } catch (RuntimeException e) {
      merged.close();
      throw e;
    }
  }

  private Sample sample(FaissIndex exact, float[] queries, int n) {
    return n > 0
        ? Sample.of(exact, scaled(queries, n), n, config.k())
        : Sample.ofOwnRows(exact, FaissBuilder.OWN_QUERIES, config.k());
  }

  private BuiltIndex tuned(FaissIndex index, Sample sample) {
    Tuner.Tuned tuned = new Tuner(index, sample, config, BuildListener.NONE).tune();
    if (config.lists().nprobe() == 0 && tuned.recall() < config.minRecall()) {
      throw new IndexException(
          "index %s: expected recall@%d of at least %.3f, found %.3f"
              .formatted(recipe.name(), sample.k(), config.minRecall(), tuned.recall()));
    }
    return new BuiltIndex(
        index,
        recipe.name(),
        tuned.parameters(),
        tuned.recall(),
        sample.k(),
        new IndexReport(
            config.metric(), tuned.work(), index.bytes(), sample.n(), tuned.curve(), List.of()));
  }

  private Index merged(List<Path> parts) {
    if (parts.isEmpty()) {
      throw new IndexException("expected at least 1 shard, found none");
    }
    Index whole = null;
    try {
      for (Path part : parts) {
        Index next = Faiss.read(part, dimension, Storage.MEMORY);
        if (whole == null) {
          whole = next;
          continue;
        }
        Index into = whole;
        try (next) {
          // FAISS checks that both are of one kind. Rows of the next follow those before: flat
          // vectors have no numbers of their own to say that with.
          long first = faiss.inverted_file(into) == null ? 0 : into.ntotal();
          Faiss.run(
              () -> {
                into.check_compatible_for_merge(next);
                into.merge_from(next, first);
              });
        }
      }
      return Objects.requireNonNull(whole);
    } catch (FaissException e) {
      if (whole != null) {
        whole.close();
      }
      throw new IndexException("cannot merge shards: " + e.getMessage(), e);
    }
  }

  private void add(Index index, float[] vectors, int n) {
    float[] added = scaled(vectors, n);
    Faiss.run(() -> index.add(n, added));
  }

  private float[] scaled(float[] vectors, int n) {
    return config.metric() == IndexConfig.Metric.COSINE
        ? Cosine.normalized(vectors, n, dimension)
        : vectors;
  }

  private static Path flat(Path file) {
    return file.resolveSibling(file.getFileName() + ".flat");
  }
}
