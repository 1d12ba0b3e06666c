package io.tandem.evaluation;

import java.util.Arrays;

/**
 * How much recommendations favour what is popular already.
 *
 * @param top1Percent share of recommended places that the most popular 1 % of items take
 * @param top10Percent likewise for 10 %
 * @param coverage share of the items that are recommended to anybody
 * @param gini of how often items are recommended: 0 for all alike, 1 for one item alone
 * @param selfInformation mean over recommended places of −log2(share of training queries that
 *     touched the item), in bits (Zhou et al., 2010): how surprising recommendations are. An item
 *     that no training query touched counts as touched by one.
 */
public record PopularityBias(
    double top1Percent, double top10Percent, double coverage, double gini, double selfInformation) {

  /**
   * Measures lists.
   *
   * @param lists for each query, items best first
   * @param k how many of each list are looked at
   */
  public static PopularityBias of(int[][] lists, ItemCounts counts, int k) {
    long[] recommended = new long[counts.items()];
    long places = 0;
    for (int[] list : lists) {
      for (int rank = 0; rank < Math.min(k, list.length); rank++) {
        recommended[list[rank]]++;
        places++;
      }
    }
    int[] byPopularity = counts.byPopularity();
    long total = Math.max(1, places);
    return new PopularityBias(
        share(recommended, byPopularity, counts.head(0.01), total),
        share(recommended, byPopularity, counts.head(0.1), total),
        Arrays.stream(recommended).filter(count -> count > 0).count()
            / (double) Math.max(1, counts.items()),
        gini(recommended, total),
        selfInformation(recommended, counts, total));
  }

  private static double share(long[] recommended, int[] byPopularity, int head, long total) {
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

  private static double selfInformation(long[] recommended, ItemCounts counts, long total) {
    double all = Math.max(1, counts.trainingQueries());
    double bits = 0;
    for (int item = 0; item < recommended.length; item++) {
      if (recommended[item] > 0) {
        double share = Math.max(1, counts.queries()[item]) / all;
        bits -= recommended[item] * Math.log(share) / Math.log(2);
      }
    }
    return bits / total;
  }
}
