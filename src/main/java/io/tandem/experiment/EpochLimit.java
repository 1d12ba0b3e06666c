package io.tandem.experiment;

import io.tandem.training.EpochResult;
import io.tandem.training.Training;
import io.tandem.training.TrainingListener;
import io.tandem.training.TrainingResult;
import org.jspecify.annotations.Nullable;

/** Stops a training after an epoch, with a checkpoint that a longer one continues from. */
final class EpochLimit implements TrainingListener {
  private final TrainingListener listener;
  private final int epochs;
  private @Nullable Training training;

  /**
   * @param listener hears everything
   */
  EpochLimit(TrainingListener listener, int epochs) {
    this.listener = listener;
    this.epochs = epochs;
  }

  void of(Training limited) {
    training = limited;
  }

  @Override
  public void started(long stepsDone, long totalSteps, int batch) {
    listener.started(stepsDone, totalSteps, batch);
  }

  @Override
  public void stepped(long step, double loss) {
    listener.stepped(step, loss);
  }

  @Override
  public void epochEnded(EpochResult result) {
    listener.epochEnded(result);
    if (result.epoch() >= epochs && training != null) {
      training.stop();
    }
  }

  @Override
  public void finished(TrainingResult.End end) {
    listener.finished(end);
  }
}
