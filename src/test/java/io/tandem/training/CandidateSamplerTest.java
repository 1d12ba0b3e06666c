package io.tandem.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tandem.config.TrainingConfig.Loss;
import io.tandem.config.TrainingConfig.Negatives;
import io.tandem.data.Interactions;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class CandidateSamplerTest {
  /** Item 0 twice as often as 1, item 3 never. */
  private static final Interactions TRAIN =
      new Interactions(new int[] {0, 4}, new int[] {0, 0, 1, 2}, new long[0], new float[0]);

  @Test
  void targetsBecomeColumnsOfDistinctItemsThatCountTheirDraws() {
    Batch batch = batch(2, 0, 2, 2);

    sampler(Loss.Function.IN_BATCH_SOFTMAX, Negatives.NONE).choose(batch, new SplittableRandom(1));

    assertThat(batch.items).containsExactly(2, 0);
    assertThat(batch.targets).containsExactly(0, 1, 0, 0);
    assertThat(batch.counts).containsExactly(3, 1);
    assertThat(batch.drawn).containsExactly(2, 0, 2, 2);
  }

  @Test
  void sampledSoftmaxLeavesTheBatchOutOfTheNegatives() {
    Batch batch = batch(2, 0);

    sampler(Loss.Function.SAMPLED_SOFTMAX, new Negatives(50, 0, 0, 0, 0, 1))
        .choose(batch, new SplittableRandom(1));

    double draws = 0;
    for (float count : batch.counts) {
      draws += count;
    }
    assertThat(draws).isEqualTo(50);
    assertThat(batch.items).startsWith(2, 0);
  }

  @Test
  void fullSoftmaxHasEveryItemOnce() {
    Batch batch = batch(2, 0);

    sampler(Loss.Function.FULL_SOFTMAX, Negatives.NONE).choose(batch, new SplittableRandom(1));

    assertThat(batch.items).containsExactly(0, 1, 2, 3);
    assertThat(batch.targets).containsExactly(2, 0);
    assertThat(batch.counts).containsOnly(1);
  }

  /** What log Q says is how often draws give the item. */
  @Test
  void correctionsAreTheProbabilitiesOfDraws() {
    Negatives negatives = new Negatives(300, 500, 700, 0, 0, 1);
    CandidateSampler sampler = sampler(Loss.Function.SAMPLED_SOFTMAX, negatives);
    double[] drawn = new double[4];
    int steps = 200;
    for (int step = 0; step < steps; step++) {
      Batch batch = batch(0);
      sampler.choose(batch, new SplittableRandom(step));
      for (int column = 0; column < batch.items.length; column++) {
        drawn[batch.items[column]] += batch.counts[column];
      }
    }

    assertThat(drawn[3]).as("draws of the item that training never met").isZero();
    double sum = 0;
    for (int item = 0; item < 4; item++) {
      double q = Math.exp(sampler.logQ(item, 1, (float) Math.log(0.25)));
      assertThat(drawn[item] / (steps * 1500.0)).isCloseTo(q, within(0.01));
      sum += q;
    }
    assertThat(sum).isCloseTo(1, within(1e-6));
  }

  private static CandidateSampler sampler(Loss.Function function, Negatives negatives) {
    return new CandidateSampler(new Loss(function, negatives, 0, 0, 0), TRAIN, 4);
  }

  private static Batch batch(int... targets) {
    InputSchema none = new InputSchema(List.of(), 0);
    Batch batch = new Batch(new FeatureBatch(none), new FeatureBatch(none));
    InteractionRows.makeRoom(batch, targets.length, false);
    System.arraycopy(targets, 0, batch.targets, 0, targets.length);
    return batch;
  }
}
