package io.tandem.artifact;

import io.tandem.config.IndexConfig;
import io.tandem.config.ModelSpec;
import io.tandem.index.BuildListener;
import io.tandem.index.BuiltIndex;
import io.tandem.index.IndexException;
import io.tandem.index.VectorIndex;
import io.tandem.index.faiss.FaissBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Another index over the items of a version: a new version with the same towers, items and history,
 * made from the stored item vectors and the stored sample of queries. No data is read and nothing
 * is embedded.
 */
public final class Reindexing {
  /** Rows that are copied at once. */
  private static final int CHUNK = 1 << 14;

  private static final Set<String> REPLACED =
      Set.of(Version.SPEC, Version.INDEX, Version.INDEX_VECTORS, Version.INDEX_REPORT);

  private Reindexing() {}

  /**
   * Publishes a version with another index.
   *
   * @param version whose items are indexed
   * @param spec the version's specification but for its index section, which is built
   * @return the new version, which is current now
   * @throws ArtifactException if the version does not keep whole vectors, or the index cannot be
   *     built as asked; the store is as before
   */
  public static Version publish(
      Store store, Version version, ModelSpec spec, BuildListener listener) {
    Manifest old = version.manifest();
    try (OpenVersion open = version.open();
        VersionWriter writer = store.newVersion()) {
      requireVectors(open, spec.index());
      for (String file : old.files().keySet()) {
        if (!REPLACED.contains(file)) {
          writer.copy(version.folder().resolve(file), file);
        }
      }
      Draft.writeSpec(spec, writer);
      BuiltIndex built = build(open, spec.index(), listener);
      Draft.writeIndex(built, old.dimension(), old.items(), writer);
      return writer.publish(
          writer.draft(
              new VersionWriter.Facts(
                  old.spec(),
                  old.model(),
                  old.queryKey(),
                  old.itemKey(),
                  old.attributes(),
                  built,
                  old.items(),
                  old.dimension(),
                  old.metrics(),
                  instant(old.itemsAsOf()))));
    } catch (IOException | UncheckedIOException | IndexException e) {
      throw ArtifactException.of("nothing was published in " + store.folder(), e);
    }
  }

  private static @Nullable Instant instant(@Nullable String time) {
    return time == null ? null : Instant.parse(time);
  }

  private static void requireVectors(OpenVersion open, IndexConfig wanted) {
    Version version = open.version();
    if (version.manifest().model().equals(Publisher.POPULARITY)) {
      throw ArtifactException.of(
          version.folder(), "a model with item vectors", "popularity, whose index is always Flat");
    }
    if (!open.index().keepsVectors()) {
      throw ArtifactException.of(
          version.folder().resolve(Version.INDEX),
          "an index that keeps whole vectors, to build another from",
          "the codes of " + open.index().type() + "; train or rebuild with the index wanted");
    }
    IndexConfig.Metric metric = version.indexReport().metric();
    if (metric == IndexConfig.Metric.COSINE && wanted.metric() != metric) {
      throw ArtifactException.of(
          version.folder().resolve(Version.INDEX),
          "vectors with their lengths, which metric inner_product needs",
          "those of metric cosine, scaled to length 1");
    }
  }

  private static BuiltIndex build(OpenVersion open, IndexConfig config, BuildListener listener)
      throws IOException {
    VectorIndex index = open.index();
    int dimension = index.dimension();
    float[] queries = QuerySample.read(open.version());
    try (FaissBuilder builder =
        new FaissBuilder(dimension, config)
            .listener(listener)
            .names(row -> "item '" + open.items().key(row) + "'")
            .expect(index.size())) {
      float[] chunk = new float[CHUNK * dimension];
      float[] vector = new float[dimension];
      for (int from = 0; from < index.size(); from += CHUNK) {
        int count = Math.min(CHUNK, index.size() - from);
        for (int i = 0; i < count; i++) {
          index.vector(from + i, vector);
          System.arraycopy(vector, 0, chunk, i * dimension, dimension);
        }
        builder.add(chunk, count);
      }
      return builder.build(queries, queries.length / dimension);
    }
  }
}
