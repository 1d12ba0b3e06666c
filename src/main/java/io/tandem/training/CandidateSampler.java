package io.tandem.training;

import io.tandem.config.TrainingConfig.Loss;
import io.tandem.config.TrainingConfig.Negatives;
import io.tandem.data.Interactions;
import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;
import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Chooses the candidates of a step: the batch's own items and drawn negatives, each item once.
 * Items without a training interaction are not drawn: nothing says that they are wrong, and as
 * negatives alone they would teach the item tower to push down whatever is new.
 */
final class CandidateSampler {
  /** With fewer items, sharing them out takes longer than doing them. */
  private static final int FEWEST_SHARED = 2048;

  private final Loss loss;
  private final Interactions train;
  private final int items;

  /** Items with a training interaction. */
  private final int known;

  /** Items by falling frequency: those that are known first. */
  private final int[] byFrequency;

  /** [items] log of the share of training interactions. */
  private final double[] frequency;

  /** [items] probability by Zipf's law over the rank. */
  private final double[] logUniform;

  CandidateSampler(Loss loss, Interactions train, int items) {
    this.loss = loss;
    this.train = train;
    this.items = items;
    long[] counts = train.itemCounts(items);
    frequency = new double[items];
    for (int item = 0; item < items; item++) {
      frequency[item] = counts[item] / (double) Math.max(1, train.size());
    }
    byFrequency =
        IntStream.range(0, items)
            .boxed()
            .sorted(Comparator.comparingLong((Integer item) -> -counts[item]))
            .mapToInt(Integer::intValue)
            .toArray();
    known = (int) Arrays.stream(counts).filter(count -> count > 0).count();
    logUniform = new double[items];
    for (int rank = 0; rank < known; rank++) {
      logUniform[byFrequency[rank]] = Math.log((rank + 2.0) / (rank + 1)) / Math.log(known + 1.0);
    }
  }

  /** Chooses candidates for the batch's targets, whose items become columns. */
  void choose(Batch batch, SplittableRandom random) {
    int targets = batch.offsets[batch.rows()];
    batch.drawn = Arrays.copyOf(batch.targets, targets);
    if (loss.function() == Loss.Function.FULL_SOFTMAX) {
      if (batch.items.length != items) {
        batch.items = IntStream.range(0, items).toArray();
        batch.counts = new float[items];
        Arrays.fill(batch.counts, 1);
      }
      return;
    }
    Negatives negatives = loss.negatives();
    Columns columns =
        new Columns(targets + negatives.uniform() + negatives.frequency() + negatives.logUniform());
    float inBatch = loss.function().inBatch() ? 1 : 0;
    for (int i = 0; i < targets; i++) {
      batch.targets[i] = columns.add(batch.targets[i], inBatch);
    }
    for (int i = 0; i < negatives.uniform(); i++) {
      columns.add(byFrequency[random.nextInt(known)], 1);
    }
    for (int i = 0; i < negatives.frequency(); i++) {
      columns.add(train.item(random.nextInt(train.size())), 1);
    }
    double logRanks = Math.log(known + 1.0);
    for (int i = 0; i < negatives.logUniform(); i++) {
      int rank = (int) Math.exp(random.nextDouble() * logRanks) - 1;
      columns.add(byFrequency[Math.max(0, Math.min(known - 1, rank))], 1);
    }
    batch.items = Arrays.copyOf(columns.items, columns.size);
    batch.counts = Arrays.copyOf(columns.counts, columns.size);
  }

  /**
   * Log of the probability that a draw gives an item, over all kinds of draws of a step.
   *
   * @param item number
   * @param draws targets of the batch
   * @param logBatch log of the probability that a target is the item
   */
  float logQ(int item, int draws, float logBatch) {
    Negatives negatives = loss.negatives();
    int fromBatch = loss.function().inBatch() ? draws : 0;
    double total =
        (double) fromBatch + negatives.uniform() + negatives.frequency() + negatives.logUniform();
    double expected =
        fromBatch * Math.exp(logBatch)
            + (frequency[item] > 0 ? negatives.uniform() / (double) known : 0)
            + negatives.frequency() * frequency[item]
            + negatives.logUniform() * logUniform[item];
    // An item that none of them draws is a candidate as a positive alone.
    return (float) Math.log(Math.max(expected, 1e-3 / items) / total);
  }

  /**
   * The same for many items.
   *
   * @param items numbers
   * @param draws targets of the batch
   * @param logBatch log of the probability that a target is each item
   */
  float[] logQ(int[] items, int draws, float[] logBatch) {
    float[] logQ = new float[items.length];
    IntStream each = IntStream.range(0, items.length);
    (items.length < FEWEST_SHARED ? each : each.parallel())
        .forEach(i -> logQ[i] = logQ(items[i], draws, logBatch[i]));
    return logQ;
  }

  /** Columns under construction. */
  private static final class Columns {
    private final int[] items;
    private final float[] counts;
    private final Int2IntOpenHashMap columnOf;
    private int size;

    Columns(int most) {
      items = new int[most];
      counts = new float[most];
      columnOf = new Int2IntOpenHashMap(most);
      columnOf.defaultReturnValue(-1);
    }

    int add(int item, float count) {
      int column = columnOf.putIfAbsent(item, size);
      if (column < 0) {
        column = size++;
        items[column] = item;
      }
      counts[column] += count;
      return column;
    }
  }
}
