package io.tandem.artifact;

import io.tandem.config.DataSpec;
import io.tandem.config.IndexConfig;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.feature.QueryContext;
import io.tandem.filter.FilterColumns;
import io.tandem.index.BuildListener;
import io.tandem.index.BuiltIndex;
import io.tandem.index.IndexException;
import io.tandem.index.faiss.FaissBuilder;
import io.tandem.index.faiss.FaissIndex;
import io.tandem.tower.ExportedTower;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * From a trained model to a published version: embeds every item, builds and measures the index,
 * and publishes it all, or nothing.
 */
public final class Publisher {
  static final String TWO_TOWER = "two_tower";
  static final String POPULARITY = "popularity";

  /** What every query is to popularity. */
  private static final float[] POPULARITY_QUERY = {1};

  /** Queries, evenly spread over those with a history, that the index's recall is measured for. */
  private static final int SAMPLED_QUERIES = 500;

  private Publisher() {}

  /** A trained model. */
  public sealed interface Model {}

  /**
   * Two towers.
   *
   * @param towers folder that the training exported both towers to
   */
  public record Towers(Features features, Path towers) implements Model {}

  /**
   * The same score for every query. It is served as towers of dimension 1 would be: an item's
   * vector is its score, every query is the vector [1].
   *
   * @param scores [items]
   */
  public record Popularity(float[] scores) implements Model {}

  /**
   * Publishes a model whose items were read just now.
   *
   * @see #publish(Store, ModelSpec, Model, Dataset, Map, int, Instant)
   */
  public static Version publish(
      Store store,
      ModelSpec spec,
      Model model,
      Dataset dataset,
      Map<String, Double> metrics,
      int threads) {
    return publish(store, spec, model, dataset, metrics, threads, Instant.now());
  }

  /**
   * Publishes a model.
   *
   * @param dataset that it was trained on: its items become the corpus, its interactions the stored
   *     history of queries
   * @param metrics results to record, by name
   * @param threads to embed items on
   * @param itemsAsOf the moment before the reading of {@code dataset} began: changes of items that
   *     a service made up to then are taken to be in it, later ones are not
   * @return the version, which is current now
   * @throws ArtifactException if it could not be written; the store is as before
   */
  public static Version publish(
      Store store,
      ModelSpec spec,
      Model model,
      Dataset dataset,
      Map<String, Double> metrics,
      int threads,
      Instant itemsAsOf) {
    return publish(store, spec, model, dataset, metrics, threads, itemsAsOf, BuildListener.NONE);
  }

  /** As above, telling a listener how far the index is. */
  public static Version publish(
      Store store,
      ModelSpec spec,
      Model model,
      Dataset dataset,
      Map<String, Double> metrics,
      int threads,
      Instant itemsAsOf,
      BuildListener listener) {
    if (dataset.itemKeys().size() == 0) {
      throw new ArtifactException("expected at least 1 item to publish, found none");
    }
    try (VersionWriter writer = store.newVersion()) {
      writeSpec(spec, writer);
      dataset.itemKeys().write(writer.path(Version.ITEM_KEYS));
      List<String> attributes = ItemTexts.write(dataset.items(), keyColumn(spec), writer);
      FilterColumns.write(
          dataset.items(), keyColumn(spec), spec.features().item(), writer.part(Version.FILTERS));
      History.write(dataset, writer);
      int dimension = dimension(spec.model());
      BuiltIndex built;
      if (model instanceof Towers towers) {
        towers.features().write(writer.newFolder(Version.FEATURES));
        writer.copyFolder(towers.towers(), Version.TOWERS);
        built = indexOf(towers, spec.index(), dimension, dataset, writer, threads, listener);
      } else if (model instanceof Popularity popularity) {
        QuerySample.write(POPULARITY_QUERY, 1, 1, writer);
        built = indexOfScores(popularity.scores(), spec.index());
      } else {
        throw new IllegalStateException("no way to publish " + model);
      }
      int items = dataset.itemKeys().size();
      writeIndex(built, dimension, items, writer);
      return writer.publish(
          new VersionWriter.Facts(
              spec.name(),
              model instanceof Towers ? TWO_TOWER : POPULARITY,
              spec.data().interactions().query(),
              spec.data().interactions().item(),
              attributes,
              built,
              items,
              dimension,
              metrics,
              itemsAsOf));
    } catch (IOException | UncheckedIOException | IndexException | DataException e) {
      throw ArtifactException.of("nothing was published in " + store.folder(), e);
    }
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

  private static BuiltIndex indexOf(
      Towers towers,
      IndexConfig config,
      int dimension,
      Dataset dataset,
      VersionWriter writer,
      int threads,
      BuildListener listener)
      throws IOException {
    Path folder = writer.path(Version.TOWERS);
    Features features = towers.features();
    ExportedTower itemTower =
        ExportedTower.open(folder, ExportedTower.Side.ITEM, features.itemSchema());
    ExportedTower queryTower =
        ExportedTower.open(folder, ExportedTower.Side.QUERY, features.querySchema());
    requireDimension(folder, "item", dimension, itemTower.dim());
    requireDimension(folder, "query", dimension, queryTower.dim());
    try (FaissBuilder builder =
        new FaissBuilder(dimension, config)
            .listener(listener)
            .names(row -> "item '" + dataset.itemKeys().key(row) + "'")
            .expect(dataset.itemKeys().size())) {
      FeatureBatch batch = new FeatureBatch(features.itemSchema());
      dataset
          .items()
          .forEachChunk(
              rows -> {
                batch.clear();
                features.items().encode(rows, batch);
                float[] vectors = new float[batch.rows() * dimension];
                itemTower.embedAll(batch, threads, vectors);
                builder.add(vectors, batch.rows());
              });
      FeatureBatch queries = sampleQueries(features, dataset);
      float[] vectors = new float[queries.rows() * dimension];
      queryTower.embedAll(queries, threads, vectors);
      QuerySample.write(vectors, queries.rows(), dimension, writer);
      return builder.build(vectors, queries.rows());
    }
  }

  private static void requireDimension(Path folder, String side, int expected, int found) {
    if (found != expected) {
      throw ArtifactException.of(
          folder, "%s tower of dimension %d".formatted(side, expected), found);
    }
  }

  private static FeatureBatch sampleQueries(Features features, Dataset dataset) {
    Interactions train = dataset.split().train();
    EventEncoder events = features.events(dataset);
    FeatureBatch batch = new FeatureBatch(features.querySchema());
    int n = Math.min(SAMPLED_QUERIES, train.queries());
    for (int i = 0; i < n; i++) {
      int query = (int) ((long) i * train.queries() / n);
      int end = train.end(query);
      if (train.count(query) > 0) {
        QueryContext context = QueryContext.of(train, train.start(query), end, train.time(end - 1));
        events.encode(query, context, batch);
      }
    }
    return batch;
  }

  private static BuiltIndex indexOfScores(float[] scores, IndexConfig config) {
    IndexConfig flat =
        IndexConfig.of(IndexConfig.Type.FLAT).withRecall(config.minRecall(), config.k());
    try (FaissBuilder builder = new FaissBuilder(1, flat)) {
      builder.add(scores, scores.length);
      return builder.build(POPULARITY_QUERY, 1);
    }
  }
}
