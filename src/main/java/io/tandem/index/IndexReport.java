package io.tandem.index;

import io.tandem.config.IndexConfig;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What building an index measured: stored beside the index, read again to search it alike, and
 * shown to people.
 *
 * <p>Work is counted, not timed, so that the same data make the same choices on any machine: its
 * unit is the cost of comparing a query with one whole vector in a scan over all of them.
 *
 * @param metric what its scores are
 * @param searchWork work of one search for {@code recallAt} hits at the chosen setting
 * @param bytes memory that the open index takes; vectors mapped from a file beside it do not count
 * @param queries number of queries that recall was measured with
 * @param curve settings that were tried, in the order of their work
 * @param considered types that were tried before one was chosen; empty where the type was given
 */
public record IndexReport(
    IndexConfig.Metric metric,
    double searchWork,
    long bytes,
    int queries,
    List<Point> curve,
    List<Considered> considered) {
  public IndexReport {
    curve = List.copyOf(curve);
    considered = List.copyOf(considered);
  }

  /** Nothing was measured; the metric is the inner product. */
  public static IndexReport unknown() {
    return new IndexReport(IndexConfig.Metric.INNER_PRODUCT, 0, 0, 0, List.of(), List.of());
  }

  /**
   * One setting and what it brings and costs.
   *
   * @param setting by FAISS's names
   * @param recall share of the exact hits that it finds
   * @param work of one search
   * @param micros of one search on one thread, when it was measured: depends on the machine
   */
  public record Point(
      SortedMap<String, Integer> setting, double recall, double work, double micros) {
    public Point(Map<String, Integer> setting, double recall, double work, double micros) {
      this(new TreeMap<>(setting), recall, work, micros);
    }
  }

  /**
   * One type, tried over a part of the vectors.
   *
   * @param type FAISS's name
   * @param rows number of vectors it was tried over
   * @param recall at the cheapest setting that keeps the promise, or the best that it reached
   * @param work of one search, over those vectors
   * @param expectedWork over all vectors, extrapolated
   * @param bytes over all vectors, estimated
   */
  public record Considered(
      String type, int rows, double recall, double work, double expectedWork, long bytes) {}
}
