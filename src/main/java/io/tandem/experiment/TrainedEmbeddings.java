package io.tandem.experiment;

import io.tandem.artifact.Publisher;
import io.tandem.data.Dataset;
import io.tandem.evaluation.EmbeddingRanker;
import io.tandem.evaluation.HeldOut;
import io.tandem.evaluation.Ranker;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.tower.ExportedTower;
import io.tandem.training.EvaluationQueries;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A trained model's embeddings of a data set's queries and items, without an index or a published
 * version:
 *
 * <pre>{@code
 * TrainedEmbeddings embeddings = TrainedEmbeddings.of(trained.model(), dataset);
 * Evaluation evaluation = evaluator.evaluate(embeddings.ranker(heldOut));
 * }</pre>
 */
public final class TrainedEmbeddings {
  private final Dataset dataset;
  private final @Nullable QuerySide querySide;
  private final float[] itemVectors;
  private final int dim;
  private final EmbeddingRanker items;

  private record QuerySide(Features features, ExportedTower tower) {}

  private TrainedEmbeddings(
      Dataset dataset, @Nullable QuerySide querySide, float[] itemVectors, int dim) {
    this.dataset = dataset;
    this.querySide = querySide;
    this.itemVectors = itemVectors;
    this.dim = dim;
    items = new EmbeddingRanker(new float[dim], itemVectors, dim);
  }

  /** Embeds every item of the data set that the model was trained on. */
  public static TrainedEmbeddings of(Publisher.Model model, Dataset dataset) {
    if (model instanceof Publisher.Popularity popularity) {
      return new TrainedEmbeddings(dataset, null, popularity.scores(), 1);
    }
    if (model instanceof Publisher.Towers towers) {
      return ofTowers(towers, dataset);
    }
    throw new IllegalStateException("no way to embed with " + model);
  }

  private static TrainedEmbeddings ofTowers(Publisher.Towers towers, Dataset dataset) {
    Features features = towers.features();
    Path folder = towers.towers();
    ExportedTower itemTower =
        ExportedTower.open(folder, ExportedTower.Side.ITEM, features.itemSchema());
    ExportedTower queryTower =
        ExportedTower.open(folder, ExportedTower.Side.QUERY, features.querySchema());
    FeatureBatch batch = features.items().encodeAll(dataset.items());
    float[] vectors = new float[Math.multiplyExact(batch.rows(), itemTower.dim())];
    itemTower.embedAll(batch, threads(), vectors);
    return new TrainedEmbeddings(
        dataset, new QuerySide(features, queryTower), vectors, itemTower.dim());
  }

  /** Scores of every item for the held-out queries. */
  public Ranker ranker(HeldOut heldOut) {
    float[] queries = new float[Math.multiplyExact(heldOut.queries().length, dim)];
    if (querySide == null) {
      Arrays.fill(queries, 1);
    } else {
      FeatureBatch batch = EvaluationQueries.encode(heldOut, dataset, querySide.features());
      querySide.tower().embedAll(batch, threads(), queries);
    }
    return items.withQueries(queries);
  }

  /** [items × dim] row-major, in the data set's order; not to be written to. */
  public float[] itemVectors() {
    return itemVectors;
  }

  /** Width of the embeddings; 1 for popularity, whose item vectors are its scores. */
  public int dim() {
    return dim;
  }

  private static int threads() {
    return Runtime.getRuntime().availableProcessors();
  }
}
