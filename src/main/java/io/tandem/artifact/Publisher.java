package io.tandem.artifact;

import io.tandem.config.ModelSpec;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.data.ParallelRows;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.index.BuildListener;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * From a trained model to a published version: embeds every item, builds and measures the index,
 * and publishes it all, or nothing.
 */
public final class Publisher {
  static final String TWO_TOWER = "two_tower";
  static final String POPULARITY = "popularity";

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
    try (Draft draft = Draft.begin(store, spec, model, dataset, itemsAsOf)) {
      Map<String, Double> all = new LinkedHashMap<>(metrics);
      if (model instanceof Towers towers) {
        addItems(towers, dataset, threads, draft, all);
      } else if (model instanceof Popularity popularity) {
        int items = popularity.scores().length;
        draft.add(popularity.scores(), new long[items], items);
      } else {
        throw new IllegalStateException("no way to publish " + model);
      }
      draft.build(Draft.Threads.ALL, listener);
      draft.write(all);
      return draft.publish(null, List.of());
    } catch (DataException e) {
      throw ArtifactException.of("nothing was published in " + store.folder(), e);
    }
  }

  /** A chunk of the catalogue, embedded. */
  private record Embedded(float[] vectors, long[] hashes, long[] unknown) {}

  private static void addItems(
      Towers towers, Dataset dataset, int threads, Draft draft, Map<String, Double> metrics) {
    ItemTower tower = ItemTower.open(towers.features(), towers.towers());
    Draft.requireDimension(towers.towers(), "item", draft.dimension(), tower.dim());
    MissingShares missing = new MissingShares(towers.features());
    ParallelRows.forEachChunk(
        dataset.items(),
        threads,
        (rows, first) -> {
          FeatureBatch batch = tower.encode(rows);
          return new Embedded(tower.embed(batch), hashes(batch), missing.count(rows));
        },
        chunk -> {
          draft.add(chunk.vectors(), chunk.hashes(), chunk.hashes().length);
          missing.add(chunk.unknown(), chunk.hashes().length);
        });
    metrics.putAll(missing.shares());
  }

  private static long[] hashes(FeatureBatch batch) {
    long[] hashes = new long[batch.rows()];
    Arrays.setAll(hashes, batch::hash);
    return hashes;
  }
}
