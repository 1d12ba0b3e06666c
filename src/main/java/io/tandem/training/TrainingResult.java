package io.tandem.training;

import io.tandem.tower.TowerModel;
import java.util.List;

/**
 * A finished or interrupted training.
 *
 * @param model with the parameters of the best epoch, or of the last where none was validated
 * @param epochs in order
 * @param bestEpoch whose parameters the model has; 0 where none was validated
 * @param temperature at the end
 */
public record TrainingResult(
    TowerModel model, List<EpochResult> epochs, int bestEpoch, double temperature, End end) {
  public TrainingResult {
    epochs = List.copyOf(epochs);
  }

  /** Why it ended. */
  public enum End {
    ALL_EPOCHS,
    EARLY_STOPPING,
    INTERRUPTED
  }
}
