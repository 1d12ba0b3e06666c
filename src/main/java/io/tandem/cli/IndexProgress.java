package io.tandem.cli;

import io.tandem.index.BuildListener;
import java.io.PrintStream;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;

/**
 * Shows how far the building of an index is: on a terminal a bar for each step, elsewhere a line
 * for each step and, of long ones, another now and then.
 */
final class IndexProgress implements BuildListener, AutoCloseable {
  private static final long LINE_EVERY_NANOS = 10_000_000_000L;

  private final PrintStream out;
  private final boolean terminal;
  private @Nullable ProgressBar bar;
  private String step = "";
  private long begunAt;
  private long lastLine;

  /** On standard output. */
  static IndexProgress shown() {
    return new IndexProgress(System.out, Terminal.present());
  }

  /**
   * @param terminal whether a line of {@code out} can be drawn over
   */
  private IndexProgress(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  @Override
  public void progress(Stage stage, String type, long done, long total) {
    String now = name(stage) + " " + type;
    if (!now.equals(step)) {
      begin(now, total);
    }
    ProgressBar shown = bar;
    if (shown != null) {
      shown.maxHint(total > 1 ? total : -1);
      shown.stepTo(done);
    } else if (stage == Stage.ADDING) {
      line(done, total);
    }
  }

  /** Ends the last bar. */
  @Override
  public void close() {
    ProgressBar shown = bar;
    if (shown != null) {
      shown.close();
      bar = null;
    }
  }

  private void begin(String now, long total) {
    close();
    step = now;
    begunAt = System.nanoTime();
    lastLine = begunAt;
    if (terminal) {
      bar =
          new ProgressBarBuilder()
              .setTaskName(now)
              .setInitialMax(total > 1 ? total : -1)
              .setUpdateIntervalMillis(200)
              .build();
    } else {
      out.println(now);
    }
  }

  private void line(long done, long total) {
    long now = System.nanoTime();
    if (now - lastLine > LINE_EVERY_NANOS && done > 0) {
      lastLine = now;
      out.printf(
          Locale.ROOT,
          "%s: %,d of %,d vectors, %.0f s left%n",
          step,
          done,
          total,
          (now - begunAt) / 1e9 * (total - done) / done);
    }
  }

  private static String name(BuildListener.Stage stage) {
    return switch (stage) {
      case CHOOSING -> "Trying index";
      case TRAINING -> "Training index";
      case ADDING -> "Filling index";
      case TUNING -> "Tuning index";
    };
  }
}
