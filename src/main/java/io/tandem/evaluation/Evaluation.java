package io.tandem.evaluation;

import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Everything that is measured of a model on a held-out set, ranking the full corpus.
 *
 * @param cutoffs one for each k, as asked
 */
public record Evaluation(List<AtCutoff> cutoffs) {
  public Evaluation {
    cutoffs = List.copyOf(cutoffs);
  }

  /**
   * What is measured at one cut-off.
   *
   * @param perQuery for comparisons with other models on the same held-out set
   * @param metrics means with confidence intervals
   * @param segments groups without queries are left out
   */
  public record AtCutoff(
      QueryMetrics perQuery,
      Map<Measure, Estimate> metrics,
      PopularityBias popularityBias,
      List<Segment> segments) {
    public AtCutoff {
      metrics = Collections.unmodifiableMap(new EnumMap<>(metrics));
      segments = List.copyOf(segments);
    }

    /** The cut-off. */
    public int k() {
      return perQuery.k();
    }

    /** A mean with its confidence interval. */
    public Estimate metric(Measure measure) {
      Estimate estimate = metrics.get(measure);
      if (estimate == null) {
        throw new IllegalStateException(measure + " was not measured");
      }
      return estimate;
    }
  }

  /** What was measured at a cut-off. */
  public AtCutoff at(int k) {
    return cutoffs.stream()
        .filter(cutoff -> cutoff.k() == k)
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("not measured at k = " + k));
  }
}
