package io.tandem.training;

import io.tandem.evaluation.Metrics;
import java.util.List;

/** Hears of a training's progress, on the training thread. */
public interface TrainingListener {
  /** Training begins, or continues after {@code startStep} steps. */
  default void started(long startStep, long totalSteps, int batch) {}

  /** A step is done. */
  default void stepped(long step, double loss) {}

  /** An epoch is done; validation is empty where none was due. */
  default void epochEnded(int epoch, double meanLoss, List<Metrics> validation, double seconds) {}

  /** Training is over. */
  default void finished(String reason) {}
}
