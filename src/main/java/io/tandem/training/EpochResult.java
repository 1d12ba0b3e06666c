package io.tandem.training;

import io.tandem.config.TrainingConfig;
import io.tandem.evaluation.Metrics;
import org.jspecify.annotations.Nullable;

/**
 * What an epoch came to.
 *
 * @param epoch from 1
 * @param loss mean over its steps
 * @param validation null where none was due
 * @param seconds of training, without validation
 * @param validationSeconds of validation
 */
public record EpochResult(
    int epoch,
    double loss,
    @Nullable Metrics validation,
    double seconds,
    double validationSeconds) {

  /**
   * The metric that a training is for.
   *
   * @throws IllegalStateException if the epoch was not validated
   */
  public double value(TrainingConfig.Metric metric) {
    if (validation == null) {
      throw new IllegalStateException("epoch " + epoch + " was not validated");
    }
    return Validation.value(metric, validation);
  }
}
