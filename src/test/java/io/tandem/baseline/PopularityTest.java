package io.tandem.baseline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.data.Interactions;
import org.junit.jupiter.api.Test;

final class PopularityTest {
  private static final long DAY = 86_400;
  private static final long NOW = 1_500_000_000;

  /** Item 0 was touched three times, long ago; item 1 twice, now and ten days ago; 2 never. */
  private final Interactions train =
      new Interactions(
          new int[] {0, 3, 5},
          new int[] {0, 0, 1, 0, 1},
          new long[] {NOW - 100 * DAY, NOW - 50 * DAY, NOW - 10 * DAY, NOW - 40 * DAY, NOW},
          new float[0]);

  @Test
  void anInteractionIsWorthHalfAfterEachHalfLife() {
    assertThat(Popularity.recentScores(train, 3, 10))
        .containsExactly(
            new float[] {
              (float) (Math.pow(2, -10) + Math.pow(2, -5) + Math.pow(2, -4)), 1 + 0.5f, 0
            },
            within(1e-6f));
  }

  @Test
  void aShortHalfLifeTurnsTheOrderOfCounts() {
    float[] counts = Popularity.scores(train, 3);
    float[] recent = Popularity.recentScores(train, 3, 10);
    float[] slow = Popularity.recentScores(train, 3, 1e6);

    assertThat(counts).containsExactly(3, 2, 0);
    assertThat(recent[1]).isGreaterThan(recent[0]);
    assertThat(slow).containsExactly(counts, within(1e-3f));
  }

  @Test
  void interactionsWithoutTimesAreRefused() {
    Interactions timeless =
        new Interactions(new int[] {0, 2}, new int[] {0, 1}, new long[0], new float[0]);

    assertThatThrownBy(() -> Popularity.recentScores(timeless, 2, 30))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "recent popularity needs the time of every interaction, but these 2 interactions have"
                + " none");
  }

  @Test
  void noInteractionAtAllScoresZero() {
    Interactions none = new Interactions(new int[1], new int[0], new long[0], new float[0]);

    assertThat(Popularity.recentScores(none, 2, 30)).containsExactly(0, 0);
  }

  @Test
  void halfLivesAndItemsOutOfRangeAreRefused() {
    for (double halfLife : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> Popularity.recentScores(train, 3, halfLife))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("halfLifeDays (" + halfLife + ") must be > 0 and finite");
    }
    assertThatThrownBy(() -> Popularity.recentScores(train, 1, 10))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("interaction 2 is with item 1, but items are 0 to 0");
  }
}
