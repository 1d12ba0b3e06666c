package io.tandem.evaluation;

/**
 * Means over queries of every {@link Measure} at one cut-off.
 *
 * @param k cut-off
 * @param queries number of queries with at least one relevant item
 */
public record Metrics(
    int k,
    int queries,
    double recall,
    double precision,
    double ndcg,
    double mrr,
    double hitRate,
    double accuracy) {

  /**
   * Metrics of ranked lists.
   *
   * @param lists for each query, items best first, at least k of them where so many exist
   * @param relevant for each query, its distinct relevant items; queries with none do not count
   * @param k at least 1
   */
  public static Metrics of(int[][] lists, int[][] relevant, int k) {
    return QueryMetrics.of(lists, relevant, k).mean();
  }
}
