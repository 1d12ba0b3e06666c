package io.tandem.training;

import io.tandem.backend.HostMemory;
import io.tandem.config.TrainingConfig.Negatives;
import io.tandem.evaluation.EmbeddingRanker;
import io.tandem.evaluation.Ranking;
import io.tandem.feature.FeatureBatch;
import io.tandem.tower.TowerModel;
import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Hard negatives: for each row one of the items that the model, as it was at the last refresh,
 * would retrieve for it. Exact search over all items: it costs rows × items × dim a step.
 */
final class HardNegatives {
  private final Negatives negatives;
  private final FeatureBatch allItems;
  private float[] embeddings = new float[0];
  private long refreshedAt = -1;

  HardNegatives(Negatives negatives, FeatureBatch allItems) {
    this.negatives = negatives;
    this.allItems = allItems;
  }

  /** Embeds all items anew where it is time; before the step's forward passes. */
  void refresh(TowerModel model, long step) {
    if (refreshedAt < 0 || step - refreshedAt >= negatives.hardEvery()) {
      embeddings = new float[allItems.rows() * model.dim()];
      model.embedItems(allItems, embeddings);
      refreshedAt = step;
    }
  }

  /**
   * Adds mined items to the batch's candidates.
   *
   * @param u [rows, dim] query embeddings
   */
  void mine(INDArray u, Batch batch, long step) {
    int rows = batch.rows();
    int dim = (int) u.size(1);
    float[] queries = new float[rows * dim];
    HostMemory.get(u, queries, 0, queries.length);
    int[][] own = new int[rows][];
    for (int row = 0; row < rows; row++) {
      own[row] =
          Arrays.stream(batch.targets, batch.offsets[row], batch.offsets[row + 1])
              .map(column -> batch.items[column])
              .toArray();
    }
    int[][] nearest =
        Ranking.top(
            new EmbeddingRanker(queries, embeddings, dim),
            new Ranking.Question(new int[rows][0], own),
            negatives.hard());
    SplittableRandom random = new SplittableRandom(step);
    Int2IntOpenHashMap columnOf = new Int2IntOpenHashMap(batch.items.length + rows);
    columnOf.defaultReturnValue(-1);
    int size = batch.items.length;
    for (int column = 0; column < size; column++) {
      columnOf.put(batch.items[column], column);
    }
    batch.items = Arrays.copyOf(batch.items, size + rows);
    batch.counts = Arrays.copyOf(batch.counts, size + rows);
    for (int[] list : nearest) {
      if (list.length > 0) {
        int item = list[random.nextInt(list.length)];
        int column = columnOf.putIfAbsent(item, size);
        if (column < 0) {
          column = size++;
          batch.items[column] = item;
          batch.candidates.append(allItems, item);
        }
        batch.counts[column]++;
      }
    }
    batch.items = Arrays.copyOf(batch.items, size);
    batch.counts = Arrays.copyOf(batch.counts, size);
  }
}
