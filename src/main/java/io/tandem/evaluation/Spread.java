package io.tandem.evaluation;

import java.util.Arrays;
import java.util.Locale;

/**
 * A figure over several trainings that differ in their seed alone.
 *
 * @param mean of the trainings
 * @param deviation standard deviation of a single training, with n − 1; 0 where there is only one
 * @param n number of trainings
 */
public record Spread(double mean, double deviation, int n) {

  /**
   * Of some trainings.
   *
   * @param values at least one
   */
  public static Spread of(double... values) {
    if (values.length == 0) {
      throw new IllegalArgumentException("expected at least one value, found none");
    }
    double mean = Arrays.stream(values).average().orElseThrow();
    double squares = Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum();
    double deviation = values.length == 1 ? 0 : Math.sqrt(squares / (values.length - 1));
    return new Spread(mean, deviation, values.length);
  }

  /** Such as {@code 0.0803 ± 0.0040}; the mean alone of a single training. */
  @Override
  public String toString() {
    return n == 1
        ? String.format(Locale.ROOT, "%.4f", mean)
        : String.format(Locale.ROOT, "%.4f ± %.4f", mean, deviation);
  }
}
