package io.tandem.training;

import io.tandem.config.FeatureSpec;
import io.tandem.config.ModelSpec;
import io.tandem.config.TrainingConfig;
import io.tandem.data.Dataset;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.feature.InputSchema;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Batches in their order. While one is trained on, the next is prepared on a thread of its own, and
 * the one after is assembled on another; what is in a batch depends on the seed, the epoch and the
 * step alone.
 */
final class Batcher implements AutoCloseable {
  private final ExampleRows examples;
  private final CandidateSampler sampler;
  private final FeatureBatch allItems;
  private final Consumer<Batch> prepare;
  private final long seed;
  private final Batch[] buffers;
  private final ExecutorService assembler = thread("tandem-batches");
  private final ExecutorService preparer = thread("tandem-batches-prepared");

  private int buffer;
  private @Nullable Ahead next;
  private @Nullable Ahead afterNext;

  /** A batch that is not asked for yet. */
  private record Ahead(int epoch, int step, Future<Batch> batch) {
    boolean is(int otherEpoch, int otherStep) {
      return epoch == otherEpoch && step == otherStep;
    }
  }

  /**
   * @param allItems the encoded catalogue
   * @param prepare what else is done with a batch before it is trained on, one after the other on
   *     their own thread
   */
  Batcher(
      ModelSpec spec,
      Dataset dataset,
      Features features,
      EventEncoder events,
      FeatureBatch allItems,
      CandidateSampler sampler,
      Consumer<Batch> prepare) {
    this.prepare = prepare;
    TrainingConfig config = spec.training();
    this.allItems = allItems;
    this.sampler = sampler;
    seed = config.seed();
    examples =
        ExampleRows.of(
            config, dataset.split().train(), events, shortestSequence(spec.features().query()));
    buffers = new Batch[] {empty(features), empty(features), empty(features)};
  }

  private static ExecutorService thread(String name) {
    return Executors.newSingleThreadExecutor(
        task -> {
          Thread thread = new Thread(task, name);
          thread.setDaemon(true);
          return thread;
        });
  }

  private static Batch empty(Features features) {
    return new Batch(
        new FeatureBatch(features.querySchema()), new FeatureBatch(features.itemSchema()));
  }

  private static int shortestSequence(Iterable<FeatureSpec> query) {
    int shortest = Integer.MAX_VALUE;
    for (FeatureSpec feature : query) {
      if (feature instanceof FeatureSpec.Sequence sequence && sequence.pooling().isNetwork()) {
        shortest = Math.min(shortest, sequence.maxLength());
      }
    }
    return shortest;
  }

  int stepsPerEpoch() {
    return examples.stepsPerEpoch();
  }

  /** Rows of a step, about. */
  int rows() {
    return examples.rowsPerStep();
  }

  /** The batch of a step, valid until the next is asked for. */
  Batch get(int epoch, int step) {
    Ahead asked = next;
    if (asked == null || !asked.is(epoch, step)) {
      asked = prepared(assembled(epoch, step));
    }
    Batch batch = await(asked.batch());
    Ahead following = afterNext;
    if (following == null || !following.is(epochAfter(epoch, step), stepAfter(step))) {
      following = assembled(epochAfter(epoch, step), stepAfter(step));
    }
    // Not earlier: a cache of tables has room for the rows of one batch ahead.
    next = prepared(following);
    afterNext =
        assembled(epochAfter(following.epoch(), following.step()), stepAfter(following.step()));
    return batch;
  }

  private int stepAfter(int step) {
    return step + 1 == stepsPerEpoch() ? 0 : step + 1;
  }

  private int epochAfter(int epoch, int step) {
    return step + 1 == stepsPerEpoch() ? epoch + 1 : epoch;
  }

  private Ahead assembled(int epoch, int step) {
    return new Ahead(epoch, step, assembler.submit(() -> assemble(epoch, step)));
  }

  private Ahead prepared(Ahead assembled) {
    Future<Batch> batch =
        preparer.submit(
            () -> {
              Batch there = await(assembled.batch());
              prepare.accept(there);
              return there;
            });
    return new Ahead(assembled.epoch(), assembled.step(), batch);
  }

  private static Batch await(Future<Batch> batch) {
    try {
      return batch.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TrainingException("interrupted while waiting for a batch", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new TrainingException("a batch could not be assembled: " + e.getCause(), e);
    }
  }

  @Override
  public void close() {
    assembler.shutdownNow();
    preparer.shutdownNow();
    try {
      // A batch in the making uses memory that is freed next.
      if (!assembler.awaitTermination(1, TimeUnit.MINUTES)
          || !preparer.awaitTermination(1, TimeUnit.MINUTES)) {
        throw new TrainingException("a batch is still being assembled", null);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Batch assemble(int epoch, int step) {
    buffer = (buffer + 1) % buffers.length;
    Batch batch = buffers[buffer];
    examples.fill(epoch, step, batch);
    SplittableRandom random =
        new SplittableRandom(~seed + epoch * 0xBF58476D1CE4E5B9L + step * 0x94D049BB133111EBL);
    sampler.choose(batch, random);
    encodeCandidates(batch, random);
    drop(batch.queries, random);
    return batch;
  }

  private void encodeCandidates(Batch batch, SplittableRandom random) {
    batch.candidates.clear();
    batch.candidates.append(allItems, batch.items, batch.items.length);
    drop(batch.candidates, random);
  }

  /** Takes values of ids as out of the vocabulary, as their features say. */
  private static void drop(FeatureBatch rows, SplittableRandom random) {
    for (int slot = 0; slot < rows.schema().slots().size(); slot++) {
      InputSchema.Slot layout = rows.schema().slots().get(slot);
      for (int row = 0; layout.dropout() > 0 && row < rows.rows(); row++) {
        if (random.nextDouble() < layout.dropout()) {
          rows.replace(slot, row, 0);
        }
      }
    }
  }
}
