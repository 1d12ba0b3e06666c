package io.tandem.training;

import io.tandem.data.Dataset;
import io.tandem.evaluation.HeldOut;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;

/** Held-out queries as tower inputs. */
public final class EvaluationQueries {
  private EvaluationQueries() {}

  /**
   * One row for each of {@code heldOut}'s queries: all its history, at its first held-out event.
   */
  public static FeatureBatch encode(HeldOut heldOut, Dataset dataset, Features features) {
    return Validation.encode(heldOut, features, features.events(dataset));
  }
}
