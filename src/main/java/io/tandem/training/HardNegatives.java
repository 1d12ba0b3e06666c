package io.tandem.training;

import io.tandem.backend.HostMemory;
import io.tandem.config.TrainingConfig.Negatives;
import io.tandem.evaluation.EmbeddingRanker;
import io.tandem.evaluation.Ranking;
import io.tandem.feature.FeatureBatch;
import io.tandem.index.faiss.GpuNearest;
import io.tandem.tower.TowerModel;
import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;
import it.unimi.dsi.fastutil.ints.IntOpenHashSet;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hard negatives: for each row one of the items that the model, as it was at the last refresh,
 * would retrieve for it. Exact search over all items: it costs rows × items × dim a step, on a GPU
 * where FAISS was built for one.
 */
final class HardNegatives implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(HardNegatives.class);

  private final Negatives negatives;
  private final FeatureBatch allItems;
  private float[] embeddings = new float[0];
  private long refreshedAt = -1;
  private @Nullable GpuNearest gpu;

  HardNegatives(Negatives negatives, FeatureBatch allItems) {
    this.negatives = negatives;
    this.allItems = allItems;
  }

  /** Embeds all items anew where it is time; before the step's forward passes. */
  void refresh(TowerModel model, long step) {
    if (refreshedAt < 0 || step - refreshedAt >= negatives.hardEvery()) {
      embeddings = new float[allItems.rows() * model.dim()];
      model.embedItems(allItems, embeddings);
      if (refreshedAt < 0) {
        gpu = GpuNearest.open(model.dim(), allItems.rows());
        LOG.info(
            "hard negatives are mined on {}",
            gpu == null ? "the CPU: " + GpuNearest.problem() : "the GPU");
      }
      GpuNearest there = gpu;
      if (there != null) {
        there.set(embeddings, allItems.rows());
      }
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
    int[][] nearest = nearest(queries, dim, own);
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

  /** The items nearest to each query but its own. */
  private int[][] nearest(float[] queries, int dim, int[][] own) {
    int most = Arrays.stream(own).mapToInt(items -> items.length).max().orElse(0);
    GpuNearest there = gpu;
    if (there == null || negatives.hard() + most > GpuNearest.MAX_K) {
      return Ranking.top(
          new EmbeddingRanker(queries, embeddings, dim),
          new Ranking.Question(new int[own.length][0], own),
          negatives.hard());
    }
    int[][] lists = there.top(queries, own.length, negatives.hard() + most);
    for (int row = 0; row < lists.length; row++) {
      IntOpenHashSet left = new IntOpenHashSet(own[row]);
      lists[row] =
          Arrays.stream(lists[row])
              .filter(item -> !left.contains(item))
              .limit(negatives.hard())
              .toArray();
    }
    return lists;
  }

  @Override
  public void close() {
    GpuNearest there = gpu;
    if (there != null) {
      there.close();
      gpu = null;
      refreshedAt = -1;
    }
  }
}
