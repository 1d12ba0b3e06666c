package io.tandem.evaluation;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * 95 % confidence intervals of means over queries by the percentile bootstrap (Efron, 1979): the
 * queries are drawn again with replacement many times, and the interval leaves out the lowest and
 * the highest 2.5 % of the means. It says how much another sample of queries would move a figure,
 * not how much another training would.
 *
 * <p>Values that are not a number belong to queries that do not count. The same seed gives the same
 * interval, whatever the number of threads.
 */
public final class Bootstrap {
  private static final int RESAMPLES = 1000;
  private static final double TAIL = 0.025;

  private final long seed;

  public Bootstrap(long seed) {
    this.seed = seed;
  }

  /**
   * The mean of a measure.
   *
   * @param values one for each query
   * @return zeros where no query counts
   */
  public Estimate mean(double[] values) {
    double[] counted = Arrays.stream(values).filter(value -> !Double.isNaN(value)).toArray();
    if (counted.length == 0) {
      return new Estimate(0, 0, 0);
    }
    long[] seeds = new SplittableRandom(seed).longs(RESAMPLES).toArray();
    double[] means =
        Arrays.stream(seeds).parallel().mapToDouble(each -> resampled(counted, each)).toArray();
    Arrays.sort(means);
    return new Estimate(
        Arrays.stream(counted).average().orElse(0),
        percentile(means, TAIL),
        percentile(means, 1 - TAIL));
  }

  /**
   * The mean difference of two models over the same queries, which are drawn in pairs: much
   * narrower than the two means' own intervals, for what is hard about a query is hard for both.
   *
   * @param of one value for each query
   * @param from the other model's values of the same queries
   * @return of − from
   */
  public Estimate difference(double[] of, double[] from) {
    if (of.length != from.length) {
      throw new IllegalArgumentException(
          "expected values of the same queries, found %d and %d".formatted(of.length, from.length));
    }
    double[] differences = new double[of.length];
    Arrays.setAll(differences, query -> of[query] - from[query]);
    return mean(differences);
  }

  private static double resampled(double[] values, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    long n = values.length;
    double sum = 0;
    for (int i = 0; i < n; i++) {
      // The high half of a product is uniform enough below 2^31 and spares a division.
      sum += values[(int) (((random.nextInt() & 0xFFFFFFFFL) * n) >>> 32)];
    }
    return sum / n;
  }

  /** Between the two nearest of the sorted means. */
  private static double percentile(double[] sorted, double share) {
    double at = share * (sorted.length - 1);
    int below = (int) at;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }
}
