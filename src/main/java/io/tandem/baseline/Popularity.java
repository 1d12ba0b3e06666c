package io.tandem.baseline;

import io.tandem.data.Interactions;

/** Ranks items by how often they were touched in training, the same for every query. */
public final class Popularity {
  private static final double SECONDS_PER_DAY = 86_400;

  private Popularity() {}

  /** [items] scores: the training interactions of each item. */
  public static float[] scores(Interactions train, int items) {
    long[] counts = train.itemCounts(items);
    float[] scores = new float[items];
    for (int item = 0; item < items; item++) {
      scores[item] = counts[item];
    }
    return scores;
  }

  /**
   * [items] scores that forget: an interaction counts 2^(−age / halfLifeDays), its age reckoned
   * from the newest interaction. What is 149 half-lives older counts 0, like no interaction.
   *
   * @param halfLifeDays above 0, finite; the shorter, the fewer events decide
   * @throws IllegalArgumentException if interactions have no times, or are with items outside the
   *     catalogue, or if the half-life is out of range
   */
  public static float[] recentScores(Interactions train, int items, double halfLifeDays) {
    if (!(halfLifeDays > 0 && halfLifeDays < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "halfLifeDays (" + halfLifeDays + ") must be > 0 and finite");
    }
    if (train.size() > 0 && !train.hasTimes()) {
      throw new IllegalArgumentException(
          "recent popularity needs the time of every interaction, but these "
              + train.size()
              + " interactions have none");
    }
    long newest = Long.MIN_VALUE;
    for (int at = 0; at < train.size(); at++) {
      newest = Math.max(newest, train.time(at));
    }
    double[] sums = new double[items];
    for (int at = 0; at < train.size(); at++) {
      int item = train.item(at);
      if (item < 0 || item >= items) {
        throw new IllegalArgumentException(
            "interaction %d is with item %d, but items are 0 to %d".formatted(at, item, items - 1));
      }
      double days = ((double) newest - train.time(at)) / SECONDS_PER_DAY;
      sums[item] += Math.pow(2, -days / halfLifeDays);
    }
    float[] scores = new float[items];
    for (int item = 0; item < items; item++) {
      scores[item] = (float) sums[item];
    }
    return scores;
  }
}
