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
 * Batches in their order. The next one is assembled on a thread of its own while one is trained on;
 * what is in it depends on the seed, the epoch and the step alone.
 */
final class Batcher implements AutoCloseable {
  private final ExampleRows examples;
  private final CandidateSampler sampler;
  private final FeatureBatch allItems;
  private final Consumer<Batch> prepare;
  private final long seed;
  private final Batch[] buffers;
  private final ExecutorService assembler =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "tandem-batches");
            thread.setDaemon(true);
            return thread;
          });

  private int flip;
  private @Nullable Future<Batch> next;
  private int nextEpoch;
  private int nextStep;

  /**
   * @param allItems the encoded catalogue
   * @param prepare what else is done with a batch on the batches' thread
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
    buffers = new Batch[] {empty(features), empty(features)};
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
    boolean last = step + 1 == stepsPerEpoch();
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
    try {
      // A batch in the making uses memory that is freed next.
      if (!assembler.awaitTermination(1, TimeUnit.MINUTES)) {
        throw new TrainingException("a batch is still being assembled", null);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Batch assemble(int epoch, int step) {
    flip ^= 1;
    Batch batch = buffers[flip];
    examples.fill(epoch, step, batch);
    SplittableRandom random =
        new SplittableRandom(~seed + epoch * 0xBF58476D1CE4E5B9L + step * 0x94D049BB133111EBL);
    sampler.choose(batch, random);
    encodeCandidates(batch, random);
    drop(batch.queries, random);
    prepare.accept(batch);
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
