package io.tandem.retarget;

import java.io.PrintStream;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/**
 * How far long work is: a bar on a terminal, now and then a line elsewhere. Work is counted in
 * bytes, since modules differ a thousandfold. Safe to call from any thread.
 */
final class Progress implements AutoCloseable {
  private static final long SILENCE = 15_000_000_000L;
  private static final long MIB = 1 << 20;

  private final PrintStream out;
  private final long total;
  private final @Nullable ProgressBar bar;
  private final long begin = System.nanoTime();
  private long done;
  private long worked;
  private long lastLine = begin;

  /**
   * @param total bytes to work through
   * @param terminal whether somebody sees a bar move
   */
  Progress(PrintStream out, long total, boolean terminal) {
    this.out = out;
    this.total = total;
    bar =
        terminal
            ? new ProgressBarBuilder()
                .setTaskName("assembling")
                .setInitialMax(total / MIB)
                .setUnit(" MiB", 1)
                .setStyle(ProgressBarStyle.ASCII)
                .build()
            : null;
  }

  /** A module was there already. */
  synchronized void found(long bytes) {
    advance(bytes);
  }

  /** A module was assembled. */
  synchronized void assembled(long bytes) {
    worked += bytes;
    advance(bytes);
    long now = System.nanoTime();
    if (bar == null && now - lastLine > SILENCE) {
      lastLine = now;
      double seconds = (now - begin) / 1e9 / worked * (total - done);
      out.printf(
          Locale.ROOT,
          "assembled %d of %d MiB of PTX, about %.0f min to go%n",
          done / MIB,
          total / MIB,
          Math.ceil(seconds / 60));
    }
  }

  /** Something that a user should know of. */
  synchronized void say(String line) {
    out.println(line);
  }

  private void advance(long bytes) {
    done += bytes;
    if (bar != null) {
      bar.stepTo(done / MIB);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
