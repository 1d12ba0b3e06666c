package io.tandem.training;

import io.tandem.artifact.Publisher.Model;
import io.tandem.training.TrainingResult.End;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a training came to, ready to be measured and published.
 *
 * @param model null where training was interrupted
 * @param epochs in order; sweeps, of ALS; none, of popularity
 * @param bestEpoch whose parameters the model has; 0 where none was validated
 * @param facts figures to record with a published version, by name
 */
public record Trained(
    @Nullable Model model,
    List<EpochResult> epochs,
    int bestEpoch,
    Map<String, Double> facts,
    End end) {
  public Trained {
    epochs = List.copyOf(epochs);
    facts = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(facts));
  }

  /** The best epoch's validation, where there was one. */
  public @Nullable EpochResult best() {
    for (EpochResult epoch : epochs) {
      if (epoch.epoch() == bestEpoch) {
        return epoch;
      }
    }
    return null;
  }
}
