package io.tandem.training;

import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.feature.QueryContext;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Training examples in batches: every training interaction once an epoch, in an order that the seed
 * and the epoch decide, its query as it was just before. Steps of an epoch have equally many rows,
 * but for the last. The next batch is assembled on a thread of its own while one is trained on.
 */
final class Batcher implements AutoCloseable {
  private final Interactions train;
  private final EventEncoder events;
  private final FeatureBatch allItems;
  private final int[] queryOf;
  private final int rows;
  private final int steps;
  private final long seed;
  private final Batch[] buffers;
  private final ExecutorService assembler =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "tandem-batches");
            thread.setDaemon(true);
            return thread;
          });

  private int[] order = new int[0];
  private int orderEpoch = -1;
  private int flip;
  private @Nullable Future<Batch> next;
  private int nextEpoch;
  private int nextStep;

  /** Inputs of one step. */
  static final class Batch {
    final FeatureBatch queries;
    final FeatureBatch items;
    int[] itemNumbers = new int[0];
    float @Nullable [] weights;

    Batch(Features features) {
      queries = new FeatureBatch(features.querySchema());
      items = new FeatureBatch(features.itemSchema());
    }
  }

  /**
   * @param allItems the encoded catalogue
   */
  Batcher(
      Dataset dataset,
      Features features,
      EventEncoder events,
      FeatureBatch allItems,
      int batch,
      long seed) {
    train = dataset.split().train();
    this.events = events;
    this.allItems = allItems;
    this.seed = seed;
    steps = (train.size() + batch - 1) / batch;
    rows = (train.size() + steps - 1) / steps;
    queryOf = new int[train.size()];
    for (int query = 0; query < train.queries(); query++) {
      java.util.Arrays.fill(queryOf, train.start(query), train.end(query), query);
    }
    buffers = new Batch[] {new Batch(features), new Batch(features)};
  }

  int stepsPerEpoch() {
    return steps;
  }

  int rows() {
    return rows;
  }

  /** The batch of a step, valid until the next but one is asked for. */
  Batch get(int epoch, int step) {
    Future<Batch> asked = next;
    if (asked == null || nextEpoch != epoch || nextStep != step) {
      asked = assembler.submit(() -> assemble(epoch, step));
    }
    Batch batch;
    try {
      batch = asked.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TrainingException("interrupted while waiting for a batch", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new TrainingException("a batch could not be assembled: " + e.getCause(), e);
    }
    boolean last = step + 1 == steps;
    nextEpoch = last ? epoch + 1 : epoch;
    nextStep = last ? 0 : step + 1;
    int prefetchEpoch = nextEpoch;
    int prefetchStep = nextStep;
    next = assembler.submit(() -> assemble(prefetchEpoch, prefetchStep));
    return batch;
  }

  @Override
  public void close() {
    assembler.shutdownNow();
  }

  private Batch assemble(int epoch, int step) {
    if (orderEpoch != epoch) {
      shuffle(epoch);
    }
    flip ^= 1;
    Batch batch = buffers[flip];
    int from = step * rows;
    int to = Math.min(train.size(), from + rows);
    batch.queries.clear();
    batch.items.clear();
    if (batch.itemNumbers.length != to - from) {
      batch.itemNumbers = new int[to - from];
    }
    float[] weights = train.hasWeights() ? new float[to - from] : null;
    for (int i = from; i < to; i++) {
      int position = order[i];
      int query = queryOf[position];
      int item = train.item(position);
      QueryContext context =
          new QueryContext(train, train.start(query), position, train.time(position));
      events.encode(query, context, batch.queries);
      batch.items.append(allItems, item);
      batch.itemNumbers[i - from] = item;
      if (weights != null) {
        weights[i - from] = train.weight(position);
      }
    }
    batch.weights = weights;
    return batch;
  }

  private void shuffle(int epoch) {
    SplittableRandom random = new SplittableRandom(seed + 0x9E3779B97F4A7C15L * epoch);
    order = new int[train.size()];
    for (int i = 0; i < order.length; i++) {
      int other = random.nextInt(i + 1);
      order[i] = order[other];
      order[other] = i;
    }
    orderEpoch = epoch;
  }
}
