package io.tandem.cli;

import io.tandem.rebuild.RebuildListener;
import io.tandem.rebuild.Step;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;

/**
 * A rebuild's progress: on a terminal a bar for each step that can say how far it is; everywhere
 * one line for each step that ended, of the form {@code step=embed seconds=1.234 items=9125}.
 */
final class RebuildProgress implements RebuildListener, AutoCloseable {
  private final PrintWriter out;
  private final boolean terminal;
  private @Nullable ProgressBar bar;

  RebuildProgress(PrintWriter out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  @Override
  public void progress(Step step, long done, long total) {
    if (!terminal || total <= 0) {
      return;
    }
    ProgressBar shown = bar;
    if (shown == null) {
      shown =
          new ProgressBarBuilder()
              .setTaskName(step.toString())
              .setInitialMax(total)
              .setUpdateIntervalMillis(200)
              .build();
      bar = shown;
    }
    shown.maxHint(total);
    shown.stepTo(done);
  }

  @Override
  public void ended(Step.Done done) {
    close();
    String facts =
        done.facts().entrySet().stream()
            .map(RebuildProgress::fact)
            .collect(Collectors.joining(" "));
    out.println(
        String.format(Locale.ROOT, "step=%s seconds=%.3f %s", done.step(), done.seconds(), facts)
            .strip());
    out.flush();
  }

  @Override
  public void close() {
    ProgressBar shown = bar;
    if (shown != null) {
      shown.close();
      bar = null;
    }
  }

  private static String fact(Map.Entry<String, Object> fact) {
    Object value = fact.getValue();
    String text =
        value instanceof Double number
            ? String.format(Locale.ROOT, "%.3f", number)
            : value.toString();
    return fact.getKey() + "=" + (text.contains(" ") ? "\"" + text + "\"" : text);
  }
}
