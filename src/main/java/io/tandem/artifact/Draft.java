package io.tandem.artifact;

import io.tandem.artifact.Publisher.Model;
import io.tandem.artifact.Publisher.Towers;
import io.tandem.config.DataSpec;
import io.tandem.config.IndexConfig;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.data.ParallelRows;
import io.tandem.filter.FilterColumns;
import io.tandem.index.BuildListener;
import io.tandem.index.BuiltIndex;
import io.tandem.index.IndexException;
import io.tandem.index.faiss.FaissBuilder;
import io.tandem.index.faiss.FaissIndex;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A version in the making, step by step:
 *
 * <pre>{@code
 * try (Draft draft = Draft.begin(store, spec, model, dataset, itemsAsOf)) {
 *   draft.add(vectors, hashes, n);          // every item, in the data set's order
 *   draft.build(Draft.Threads.ALL, listener);
 *   Version written = draft.write(metrics);
 *   try (OpenVersion open = draft.open()) { ... }   // try it as it will be served
 *   draft.publish(rebuilt, gates);          // or setAside
 * }
 * }</pre>
 *
 * <p>Closing it without publishing leaves no trace. Holds the store's lock. Not thread-safe.
 */
public final class Draft implements AutoCloseable {
  private final Store store;
  private final ModelSpec spec;
  private final Model model;
  private final Dataset dataset;
  private final Instant itemsAsOf;
  private final VersionWriter writer;
  private final int dimension;
  private final List<String> attributes;
  private final OutputStream hashes;
  private @Nullable FaissBuilder builder;
  private @Nullable BuiltIndex built;
  private @Nullable Version draft;
  private int added;

  /** How an index is built. */
  public enum Threads {
    /** On all threads: fast. */
    ALL,
    /** Where the order of threads shows in the result, on one: the same vectors, the same bytes. */
    REPRODUCIBLE
  }

  private Draft(
      Store store,
      ModelSpec spec,
      Model model,
      Dataset dataset,
      Instant itemsAsOf,
      VersionWriter to)
      throws IOException {
    this.store = store;
    this.spec = spec;
    this.model = model;
    this.dataset = dataset;
    this.itemsAsOf = itemsAsOf;
    writer = to;
    dimension = dimension(spec.model());
    writeSpec(spec, writer);
    dataset.itemKeys().write(writer.path(Version.ITEM_KEYS));
    attributes = describe(spec, dataset, writer);
    History.write(dataset, writer);
    IndexConfig index = spec.index();
    if (model instanceof Towers towers) {
      towers.features().write(writer.newFolder(Version.FEATURES));
      writer.copyFolder(towers.towers(), Version.TOWERS);
    } else {
      index = IndexConfig.of(IndexConfig.Type.FLAT).withRecall(index.minRecall(), index.k());
    }
    OutputStream out = writer.create(Version.ITEM_HASHES);
    try {
      builder =
          new FaissBuilder(dimension, index)
              .names(row -> "item '" + dataset.itemKeys().key(row) + "'")
              .expect(dataset.itemKeys().size());
    } catch (RuntimeException e) {
      out.close();
      throw e;
    }
    hashes = out;
  }

  /**
   * Begins a version and writes all but its index.
   *
   * @param dataset its items become the corpus, its interactions the stored history of queries
   * @param itemsAsOf the moment before the reading of {@code dataset} began
   * @throws ArtifactException if another writer is at work, or it cannot be written
   */
  public static Draft begin(
      Store store, ModelSpec spec, Model model, Dataset dataset, Instant itemsAsOf) {
    if (dataset.itemKeys().size() == 0) {
      throw new ArtifactException("expected at least 1 item to publish, found none");
    }
    VersionWriter writer = store.newVersion();
    try {
      return new Draft(store, spec, model, dataset, itemsAsOf, writer);
    } catch (IOException | UncheckedIOException | IndexException | DataException e) {
      try (writer) {
        throw failure(store, e);
      }
    } catch (RuntimeException | Error e) {
      try (writer) {
        throw e;
      }
    }
  }

  /** Writes what items are beside their vectors; returns the names of their attributes. */
  private static List<String> describe(ModelSpec spec, Dataset dataset, VersionWriter writer)
      throws IOException {
    FilterColumns.Writer filters =
        new FilterColumns.Writer(keyColumn(spec), spec.features().item());
    try (ItemTexts.Writer texts = new ItemTexts.Writer(keyColumn(spec), writer)) {
      // Texts on a thread beside the one that reads and gathers filters, each in order.
      ParallelRows.forEachChunk(
          dataset.items(),
          1,
          (rows, first) -> {
            texts.add(rows);
            return rows;
          },
          filters::add);
      filters.write(writer.part(Version.FILTERS));
      return texts.columns();
    }
  }

  /** Width of the vectors. */
  public int dimension() {
    return dimension;
  }

  /**
   * Adds the vectors of the next items.
   *
   * @param vectors [n × dimension] row-major, finite
   * @param itemHashes [n]
   */
  public void add(float[] vectors, long[] itemHashes, int n) {
    try {
      Objects.requireNonNull(builder, "a built draft takes no more items").add(vectors, n);
      ItemHashes.write(hashes, itemHashes, n);
      added += n;
    } catch (IOException | IndexException e) {
      throw failure(store, e);
    }
  }

  /**
   * Adds the next items, whose vectors {@link #build(Maker)} has from elsewhere.
   *
   * @param itemHashes [n]
   */
  public void add(long[] itemHashes, int n) {
    try {
      ItemHashes.write(hashes, itemHashes, n);
      added += n;
    } catch (IOException e) {
      throw failure(store, e);
    }
  }

  /** Makes the index of a draft's items. */
  public interface Maker {
    /**
     * Makes it.
     *
     * @param queries [n × dimension] to measure recall with
     * @return an index whose rows are the items in the data set's order
     */
    BuiltIndex make(float[] queries, int n);
  }

  /** Builds the index from what was added. */
  public BuiltIndex build(Threads threads, BuildListener listener) {
    FaissBuilder from = Objects.requireNonNull(builder, "a draft is built once");
    if (threads == Threads.REPRODUCIBLE) {
      from.reproducible();
    }
    return build(from.listener(listener)::build);
  }

  /** Takes an index that is built elsewhere; it belongs to the draft then. */
  public BuiltIndex build(Maker maker) {
    if (added != dataset.itemKeys().size()) {
      throw new IllegalStateException(
          "expected vectors of %d items, found %d".formatted(dataset.itemKeys().size(), added));
    }
    try {
      hashes.close();
      float[] queries = {1};
      if (model instanceof Towers towers) {
        queries = QuerySample.draw(dataset, towers, dimension);
      }
      int n = queries.length / dimension;
      QuerySample.write(queries, n, dimension, writer);
      BuiltIndex result = maker.make(queries, n);
      built = result;
      if (result.index().size() != added || result.index().dimension() != dimension) {
        throw new IndexException(
            "expected an index of %d vectors of dimension %d, found %d of %d"
                .formatted(added, dimension, result.index().size(), result.index().dimension()));
      }
      return result;
    } catch (IOException | UncheckedIOException | IndexException | DataException e) {
      throw failure(store, e);
    }
  }

  /**
   * Writes the index and lists what the version holds.
   *
   * @param metrics results to record, by name
   */
  public Version write(Map<String, Double> metrics) {
    BuiltIndex index = Objects.requireNonNull(built, "a draft is built before it is written");
    try {
      writeIndex(index, dimension, dataset.itemKeys().size(), writer);
      closeBuilder();
      Version written =
          writer.draft(
              new VersionWriter.Facts(
                  spec.name(),
                  model instanceof Towers ? Publisher.TWO_TOWER : Publisher.POPULARITY,
                  spec.data().interactions().query(),
                  spec.data().interactions().item(),
                  attributes,
                  index,
                  dataset.itemKeys().size(),
                  dimension,
                  metrics,
                  itemsAsOf));
      draft = written;
      return written;
    } catch (IOException | UncheckedIOException | IndexException e) {
      throw failure(store, e);
    }
  }

  /** Opens what was written as it will be served. */
  public OpenVersion open() {
    return OpenVersion.open(written());
  }

  /**
   * Publishes what was written.
   *
   * @param gates that it passed, or that were overruled
   * @return the version, which is current now
   */
  public Version publish(Manifest.@Nullable Rebuilt rebuilt, List<Manifest.Gate> gates) {
    try {
      return writer.publish(decided(rebuilt, gates));
    } catch (IOException e) {
      throw failure(store, e);
    }
  }

  /** Keeps what was written as a candidate, beside the versions. */
  public Version setAside(Manifest.@Nullable Rebuilt rebuilt, List<Manifest.Gate> gates) {
    try {
      return writer.setAside(decided(rebuilt, gates));
    } catch (IOException e) {
      throw failure(store, e);
    }
  }

  @Override
  public void close() {
    try (writer) {
      closeBuilder();
      hashes.close();
    } catch (IOException e) {
      throw failure(store, e);
    }
  }

  private void closeBuilder() {
    BuiltIndex index = built;
    FaissBuilder from = builder;
    builder = null;
    if (index != null) {
      index.index().close();
    }
    if (from != null) {
      from.close();
    }
  }

  private Version written() {
    return Objects.requireNonNull(draft, "a draft is written before it is opened or published");
  }

  private Version decided(Manifest.@Nullable Rebuilt rebuilt, List<Manifest.Gate> gates) {
    Version written = written();
    return new Version(written.id(), written.folder(), written.manifest().decided(rebuilt, gates));
  }

  static void writeSpec(ModelSpec spec, VersionWriter writer) throws IOException {
    try (OutputStream out = writer.create(Version.SPEC)) {
      out.write(SpecReader.write(spec).getBytes(StandardCharsets.UTF_8));
    }
  }

  /** Writes the index and reads it back: a full disk can cut FAISS's file short unnoticed. */
  static void writeIndex(BuiltIndex built, int dimension, int items, VersionWriter writer)
      throws IOException {
    Path file = writer.path(Version.INDEX);
    try (FaissIndex index = (FaissIndex) built.index()) {
      index.write(file);
    }
    IndexReports.write(built.report(), writer);
    FaissIndex.read(
            file,
            new FaissIndex.Facts(
                built.type(), dimension, items, built.parameters(), built.report()))
        .close();
  }

  static void requireDimension(Path folder, String side, int expected, int found) {
    if (found != expected) {
      throw ArtifactException.of(
          folder, "%s tower of dimension %d".formatted(side, expected), found);
    }
  }

  private static RuntimeException failure(Store store, Exception cause) {
    return ArtifactException.of("nothing was published in " + store.folder(), cause);
  }

  private static String keyColumn(ModelSpec spec) {
    DataSpec.EntitySpec items = spec.data().items();
    return items == null ? spec.data().interactions().item() : items.key();
  }

  private static int dimension(ModelConfig model) {
    ModelConfig.TwoTower towers = model.towers();
    if (towers != null) {
      return towers.dim();
    }
    return model instanceof ModelConfig.MatrixFactorization factors ? factors.dim() : 1;
  }
}
