package io.tandem.evaluation;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * How much recommendations favour what is popular already.
 *
 * @param top1Percent share of recommended places that the most popular 1 % of items take
 * @param top10Percent likewise for 10 %
 * @param coverage share of the items that are recommended to anybody
 * @param gini of how often items are recommended: 0 for all alike, 1 for one item alone
 */
public record PopularityBias(
    double top1Percent, double top10Percent, double coverage, double gini) {

  /**
   * Measures lists.
   *
   * @param lists for each query, items best first
   * @param counts training interactions of each item
   * @param k how many of each list are looked at
   */
  public static PopularityBias of(int[][] lists, long[] counts, int k) {
    long[] recommended = new long[counts.length];
    long places = 0;
    for (int[] list : lists) {
      for (int rank = 0; rank < Math.min(k, list.length); rank++) {
        recommended[list[rank]]++;
        places++;
      }
    }
    int[] byPopularity =
        IntStream.range(0, counts.length)
            .boxed()
            .sorted(Comparator.comparingLong((Integer item) -> -counts[item]))
            .mapToInt(Integer::intValue)
            .toArray();
    long total = Math.max(1, places);
    return new PopularityBias(
        share(recommended, byPopularity, 0.01, total),
        share(recommended, byPopularity, 0.1, total),
        Arrays.stream(recommended).filter(count -> count > 0).count()
            / (double) Math.max(1, counts.length),
        gini(recommended, total));
  }

  private static double share(long[] recommended, int[] byPopularity, double part, long total) {
    int head = (int) Math.ceil(part * byPopularity.length);
    long places = 0;
    for (int i = 0; i < head; i++) {
      places += recommended[byPopularity[i]];
    }
    return places / (double) total;
  }

  private static double gini(long[] recommended, long total) {
    long[] sorted = recommended.clone();
    Arrays.sort(sorted);
    double weighted = 0;
    for (int i = 0; i < sorted.length; i++) {
      weighted += (2.0 * (i + 1) - sorted.length - 1) * sorted[i];
    }
    return weighted / ((double) Math.max(1, sorted.length) * total);
  }
}
