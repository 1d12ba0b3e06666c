package io.tandem.training;

import io.tandem.evaluation.Metrics;
import java.io.PrintStream;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;

/**
 * Shows a training's progress: on a terminal a bar with examples/s, loss and time left; elsewhere a
 * plain line now and then. A line for every epoch stays in both.
 */
public final class ProgressListener implements TrainingListener {
  private static final long LINE_EVERY_NANOS = 10_000_000_000L;

  private final PrintStream out;
  private final boolean terminal;
  private @Nullable ProgressBar bar;
  private long total;
  private long doneBefore;
  private int batch;
  private long startedAt;
  private long lastLine;
  private double smoothLoss;

  /**
   * @param terminal whether a line of {@code out} can be drawn over
   */
  public ProgressListener(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  @Override
  public void started(long stepsDone, long totalSteps, int newBatch) {
    total = totalSteps;
    doneBefore = stepsDone;
    batch = newBatch;
    startedAt = System.nanoTime();
    lastLine = startedAt;
    out.printf(
        Locale.ROOT,
        "%s: %d steps of %,d examples%n",
        stepsDone > 0 ? "Continuing after step " + stepsDone : "Training",
        totalSteps,
        batch);
    if (terminal) {
      bar =
          new ProgressBarBuilder()
              .setTaskName("Training")
              .setInitialMax(totalSteps)
              .startsFrom(stepsDone, java.time.Duration.ZERO)
              .setUpdateIntervalMillis(200)
              .build();
    }
  }

  @Override
  public void stepped(long step, double loss) {
    smoothLoss = step == doneBefore + 1 ? loss : 0.95 * smoothLoss + 0.05 * loss;
    long now = System.nanoTime();
    double rate = (step - doneBefore) * (double) batch / ((now - startedAt) / 1e9);
    ProgressBar shown = bar;
    if (shown != null) {
      shown.stepTo(step);
      shown.setExtraMessage(
          String.format(Locale.ROOT, " %,.0f examples/s, loss %.4f", rate, smoothLoss));
    } else if (now - lastLine > LINE_EVERY_NANOS) {
      lastLine = now;
      double left = (total - step) * (double) batch / rate;
      out.printf(
          Locale.ROOT,
          "step %d of %d: loss %.4f, %,.0f examples/s, %s left at most%n",
          step,
          total,
          smoothLoss,
          rate,
          duration(left));
    }
  }

  @Override
  public void epochEnded(EpochResult result) {
    Metrics metrics = result.validation();
    String validation =
        metrics == null
            ? ""
            : String.format(
                Locale.ROOT,
                ", validation recall@%d %.4f, NDCG %.4f",
                metrics.k(),
                metrics.recall(),
                metrics.ndcg());
    out.printf(
        Locale.ROOT,
        "epoch %3d: loss %.4f%s (%.1f s + %.1f s)%n",
        result.epoch(),
        result.loss(),
        validation,
        result.seconds(),
        result.validationSeconds());
  }

  @Override
  public void finished(TrainingResult.End end) {
    ProgressBar shown = bar;
    if (shown != null) {
      shown.close();
      bar = null;
    }
    out.println(
        switch (end) {
          case ALL_EPOCHS -> "All epochs done.";
          case EARLY_STOPPING -> "Stopped early: the validation metric no longer rises.";
          case INTERRUPTED -> "Interrupted; there is a checkpoint to continue from.";
        });
  }

  private static String duration(double seconds) {
    long whole = Math.round(seconds);
    return whole < 120 ? whole + " s" : whole / 60 + " min";
  }
}
