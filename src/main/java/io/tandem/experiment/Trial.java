package io.tandem.experiment;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.tandem.evaluation.Metrics;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One training of a search, over.
 *
 * @param number from 1, of its settings
 * @param run names specification and data
 * @param settings by key, as they override the specification
 * @param epochs at most; sweeps, of ALS; 0 of popularity
 * @param metric that the search is for, on the validation set; null of one that failed
 * @param validation everything measured there
 * @param bestEpoch that it was measured after; 0 of popularity
 * @param seconds of training, from the first epoch
 * @param error of one that failed
 */
public record Trial(
    int number,
    String run,
    Map<String, String> settings,
    int epochs,
    Status status,
    @Nullable Double metric,
    @Nullable Metrics validation,
    int bestEpoch,
    double seconds,
    @Nullable String error) {

  /** How it ended. */
  public enum Status {
    @JsonProperty("done")
    DONE,
    @JsonProperty("failed")
    FAILED
  }

  /** For ranking: what failed is below everything. */
  double rank() {
    return metric == null ? Double.NEGATIVE_INFINITY : metric;
  }
}
