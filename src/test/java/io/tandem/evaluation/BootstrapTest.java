package io.tandem.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class BootstrapTest {

  @Test
  void intervalsHoldTheTrueMeanAsOftenAsTheyPromise() {
    int trials = 400;
    int held = 0;
    for (int trial = 0; trial < trials; trial++) {
      Random random = new Random(1000 + trial);
      // As skewed as a reciprocal rank: mostly 0, mean 0.3 × 0.5.
      double[] values = new double[200];
      Arrays.setAll(values, i -> random.nextInt(10) < 3 ? random.nextDouble() : 0);
      Estimate estimate = new Bootstrap(trial).mean(values);
      held += estimate.low() <= 0.15 && 0.15 <= estimate.high() ? 1 : 0;
    }

    assertThat(held / (double) trials).isBetween(0.92, 0.98);
  }

  @Test
  void intervalsAreAsWideAsTheNormalApproximationOfManyQueries() {
    Random random = new Random(1);
    double[] hits = new double[2500];
    Arrays.setAll(hits, i -> random.nextInt(5) == 0 ? 1 : 0);
    Estimate estimate = new Bootstrap(1).mean(hits);

    double error = Math.sqrt(estimate.mean() * (1 - estimate.mean()) / hits.length);
    assertThat(estimate.low()).isCloseTo(estimate.mean() - 1.96 * error, within(0.2 * error));
    assertThat(estimate.high()).isCloseTo(estimate.mean() + 1.96 * error, within(0.2 * error));
  }

  @Test
  void queriesThatDoNotCountAreLeftOut() {
    Bootstrap bootstrap = new Bootstrap(3);

    assertThat(bootstrap.mean(new double[] {Double.NaN, 0.5, Double.NaN, 0.5}))
        .isEqualTo(new Estimate(0.5, 0.5, 0.5));
    assertThat(bootstrap.mean(new double[] {Double.NaN})).isEqualTo(new Estimate(0, 0, 0));
  }

  @Test
  void theSeedDecidesTheInterval() {
    double[] values = new Random(5).doubles(50).toArray();

    assertThat(new Bootstrap(7).mean(values)).isEqualTo(new Bootstrap(7).mean(values));
    assertThat(new Bootstrap(8).mean(values)).isNotEqualTo(new Bootstrap(7).mean(values));
  }

  @Test
  void aSmallGainOnEveryQueryIsCertainAlthoughTheMeansOverlap() {
    double[] weak = new Random(9).doubles(100).toArray();
    double[] strong = Arrays.stream(weak).map(value -> value + 0.01).toArray();
    Bootstrap bootstrap = new Bootstrap(1);

    assertThat(bootstrap.mean(strong).low()).isLessThan(bootstrap.mean(weak).high());
    assertThat(bootstrap.difference(strong, weak).low()).isCloseTo(0.01, within(1e-9));
    assertThatThrownBy(() -> bootstrap.difference(strong, new double[3]))
        .hasMessage("expected values of the same queries, found 100 and 3");
  }

  @Test
  void trainingsSpreadByTheDeviationOfOne() {
    Spread spread = Spread.of(0.1, 0.2, 0.3);

    assertThat(spread.mean()).isCloseTo(0.2, within(1e-12));
    assertThat(spread.deviation()).isCloseTo(0.1, within(1e-12));
    assertThat(spread).hasToString("0.2000 ± 0.1000");
    assertThat(Spread.of(0.25)).isEqualTo(new Spread(0.25, 0, 1)).hasToString("0.2500");
    assertThatThrownBy(Spread::of).hasMessage("expected at least one value, found none");
  }
}
