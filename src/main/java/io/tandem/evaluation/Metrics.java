package io.tandem.evaluation;

import java.util.Arrays;

/**
 * Means over queries of the metrics at one cut-off, relevance being binary:
 *
 * <ul>
 *   <li>recall: found relevant items over all relevant items
 *   <li>NDCG: Σ 1 / log2(rank + 1) over found items, over the same of an ideal ranking
 *   <li>MRR: 1 / rank of the first relevant item, 0 where none is found
 *   <li>hit rate: 1 where a relevant item is found
 * </ul>
 *
 * @param k cut-off
 * @param queries number of queries with at least one relevant item
 */
public record Metrics(int k, int queries, double recall, double ndcg, double mrr, double hitRate) {

  /**
   * Metrics of ranked lists.
   *
   * @param lists for each query, items best first, at least k of them where so many exist
   * @param relevant for each query, its distinct relevant items; queries with none do not count
   * @param k at least 1
   */
  public static Metrics of(int[][] lists, int[][] relevant, int k) {
    if (k < 1) {
      throw new IllegalArgumentException("k (" + k + ") must be > 0");
    }
    int queries = 0;
    double recall = 0;
    double ndcg = 0;
    double mrr = 0;
    double hitRate = 0;
    for (int query = 0; query < lists.length; query++) {
      int[] wanted = relevant[query];
      if (wanted.length == 0) {
        continue;
      }
      queries++;
      int[] sorted = wanted.clone();
      Arrays.sort(sorted);
      int hits = 0;
      double gain = 0;
      for (int rank = 1; rank <= Math.min(k, lists[query].length); rank++) {
        if (Arrays.binarySearch(sorted, lists[query][rank - 1]) >= 0) {
          mrr += hits == 0 ? 1.0 / rank : 0;
          hits++;
          gain += discount(rank);
        }
      }
      double ideal = 0;
      for (int rank = 1; rank <= Math.min(k, wanted.length); rank++) {
        ideal += discount(rank);
      }
      recall += (double) hits / wanted.length;
      ndcg += gain / ideal;
      hitRate += hits > 0 ? 1 : 0;
    }
    double n = Math.max(1, queries);
    return new Metrics(k, queries, recall / n, ndcg / n, mrr / n, hitRate / n);
  }

  private static double discount(int rank) {
    return Math.log(2) / Math.log(rank + 1.0);
  }
}
