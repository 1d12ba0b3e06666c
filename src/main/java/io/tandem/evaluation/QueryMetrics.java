package io.tandem.evaluation;

import java.util.Arrays;

/**
 * Every {@link Measure} of every query at one cut-off: what means, confidence intervals and
 * comparisons are made of.
 */
public final class QueryMetrics {
  private final int k;
  private final double[] recall;
  private final double[] precision;
  private final double[] ndcg;
  private final double[] mrr;
  private final double[] hitRate;
  private final double[] accuracy;

  private QueryMetrics(int k, int queries) {
    this.k = k;
    recall = new double[queries];
    precision = new double[queries];
    ndcg = new double[queries];
    mrr = new double[queries];
    hitRate = new double[queries];
    accuracy = new double[queries];
  }

  /**
   * Measures ranked lists.
   *
   * @param lists for each query, items best first, at least k of them where so many exist
   * @param relevant for each query, its distinct relevant items; queries with none do not count
   * @param k at least 1
   */
  public static QueryMetrics of(int[][] lists, int[][] relevant, int k) {
    if (k < 1) {
      throw new IllegalArgumentException("k (" + k + ") must be > 0");
    }
    QueryMetrics metrics = new QueryMetrics(k, lists.length);
    double[] ideal = new double[k + 1];
    for (int rank = 1; rank <= k; rank++) {
      ideal[rank] = ideal[rank - 1] + discount(rank);
    }
    double meanRelevant =
        Arrays.stream(relevant)
            .mapToInt(items -> items.length)
            .filter(n -> n > 0)
            .average()
            .orElse(1);
    for (int query = 0; query < lists.length; query++) {
      metrics.measure(query, lists[query], relevant[query], ideal);
      metrics.accuracy[query] = metrics.recall[query] * relevant[query].length / meanRelevant;
    }
    return metrics;
  }

  /** Length at which lists were cut. */
  public int k() {
    return k;
  }

  /** [queries] values, in the order of the lists; NaN where a query has no relevant item. */
  public double[] values(Measure measure) {
    return of(measure).clone();
  }

  /** Means over the queries that count. */
  public Metrics mean() {
    return new Metrics(
        k,
        (int) Arrays.stream(recall).filter(value -> !Double.isNaN(value)).count(),
        mean(Measure.RECALL),
        mean(Measure.PRECISION),
        mean(Measure.NDCG),
        mean(Measure.MRR),
        mean(Measure.HIT_RATE),
        mean(Measure.ACCURACY));
  }

  private double mean(Measure measure) {
    return Arrays.stream(of(measure)).filter(value -> !Double.isNaN(value)).average().orElse(0);
  }

  /**
   * @param ideal for each number of relevant items up to k, the gain of an ideal ranking
   */
  private void measure(int query, int[] list, int[] relevant, double[] ideal) {
    if (relevant.length == 0) {
      for (Measure measure : Measure.values()) {
        of(measure)[query] = Double.NaN;
      }
      return;
    }
    int[] sorted = relevant.clone();
    Arrays.sort(sorted);
    int hits = 0;
    double gain = 0;
    double first = 0;
    for (int rank = 1; rank <= Math.min(k, list.length); rank++) {
      if (Arrays.binarySearch(sorted, list[rank - 1]) >= 0) {
        first = hits == 0 ? 1.0 / rank : first;
        hits++;
        gain += discount(rank);
      }
    }
    recall[query] = (double) hits / relevant.length;
    precision[query] = (double) hits / k;
    ndcg[query] = gain / ideal[Math.min(k, relevant.length)];
    mrr[query] = first;
    hitRate[query] = hits > 0 ? 1 : 0;
  }

  private double[] of(Measure measure) {
    return switch (measure) {
      case RECALL -> recall;
      case PRECISION -> precision;
      case NDCG -> ndcg;
      case MRR -> mrr;
      case HIT_RATE -> hitRate;
      case ACCURACY -> accuracy;
    };
  }

  private static double discount(int rank) {
    return Math.log(2) / Math.log(rank + 1.0);
  }
}
