package io.tandem.evaluation;

import java.util.Locale;

/**
 * A mean over queries with its 95 % confidence interval.
 *
 * @param mean of the queries that were asked
 * @param low end of the interval
 * @param high end of the interval
 */
public record Estimate(double mean, double low, double high) {

  /** Such as {@code 0.0803 [0.0607, 0.1015]}. */
  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%.4f [%.4f, %.4f]", mean, low, high);
  }
}
