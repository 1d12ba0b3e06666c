package io.tandem.training;

/** Hears of a training's progress, on the training thread. */
public interface TrainingListener {
  /** Hears nothing. */
  TrainingListener NONE = new TrainingListener() {};

  /**
   * Training begins, or continues after {@code stepsDone} steps.
   *
   * @param batch examples of a step
   */
  default void started(long stepsDone, long totalSteps, int batch) {}

  /** A step is done. */
  default void stepped(long step, double loss) {}

  /** An epoch is done. */
  default void epochEnded(EpochResult result) {}

  /** Training is over. */
  default void finished(TrainingResult.End end) {}
}
