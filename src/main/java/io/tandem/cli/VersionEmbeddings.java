package io.tandem.cli;

import io.tandem.artifact.OpenVersion;
import io.tandem.data.Dataset;
import io.tandem.evaluation.EmbeddingRanker;
import io.tandem.evaluation.HeldOut;
import io.tandem.evaluation.ItemCounts;
import io.tandem.evaluation.Ranker;
import io.tandem.feature.FeatureBatch;
import io.tandem.report.ItemEmbeddings;
import io.tandem.training.EvaluationQueries;
import java.util.Arrays;

/** The published embeddings of a version, for the queries and items of a data set. */
final class VersionEmbeddings {
  private final OpenVersion open;
  private final Dataset dataset;
  private final int dim;
  private final EmbeddingRanker items;

  /** Copies the item vectors, once. */
  VersionEmbeddings(OpenVersion open, Dataset dataset) {
    this.open = open;
    this.dataset = dataset;
    dim = open.version().manifest().dimension();
    items = new EmbeddingRanker(new float[dim], itemVectors(), dim);
  }

  /** Scores of the data set's items; those that the version does not have score 0. */
  Ranker ranker(HeldOut heldOut) {
    OpenVersion.QuerySide querySide = open.querySide();
    float[] queries = new float[heldOut.queries().length * dim];
    if (querySide == null) {
      Arrays.fill(queries, 1);
    } else {
      FeatureBatch batch = EvaluationQueries.encode(heldOut, dataset, querySide.features());
      querySide.tower().embedAll(batch, Runtime.getRuntime().availableProcessors(), queries);
    }
    return items.withQueries(queries);
  }

  /**
   * The version's items, by row of its index.
   *
   * @param counts of the data set's items
   */
  ItemEmbeddings published(String model, ItemCounts counts) {
    int size = open.items().size();
    float[] vectors = new float[Math.multiplyExact(size, dim)];
    long[] interactions = new long[size];
    float[] vector = new float[dim];
    for (int row = 0; row < size; row++) {
      open.index().vector(row, vector);
      System.arraycopy(vector, 0, vectors, row * dim, dim);
      int item = dataset.itemKeys().indexOf(open.items().key(row));
      interactions[row] = item < 0 ? 0 : counts.interactions()[item];
    }
    return new ItemEmbeddings(model, vectors, dim, interactions);
  }

  /** [items × dim] in the data set's order; zeros for items that the version does not have. */
  private float[] itemVectors() {
    int size = dataset.itemKeys().size();
    float[] vectors = new float[Math.multiplyExact(size, dim)];
    float[] vector = new float[dim];
    for (int item = 0; item < size; item++) {
      int row = open.items().indexOf(dataset.itemKeys().key(item));
      if (row >= 0) {
        open.index().vector(row, vector);
        System.arraycopy(vector, 0, vectors, item * dim, dim);
      }
    }
    return vectors;
  }
}
