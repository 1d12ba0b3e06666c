package io.tandem.report;

import io.tandem.evaluation.Estimate;
import java.awt.Color;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Horizontal bars of means with their confidence intervals: a group for each row, in it a bar for
 * each series. The bars start at 0.
 */
public final class Bars implements Drawing {
  private static final int WIDTH = 760;
  private static final int LEFT = 190;
  private static final int RIGHT = 70;
  private static final int BAR = 14;
  private static final int GAP = 10;
  private static final int TOP = 34;

  private final String title;
  private final List<String> groups;
  private final List<Series> series = new ArrayList<>();

  private record Series(String name, List<@Nullable Estimate> bars) {}

  public Bars(String title, List<String> groups) {
    this.title = title;
    this.groups = List.copyOf(groups);
  }

  /**
   * Adds a bar to each group.
   *
   * @param bars one for each group; null where there is none
   */
  public Bars add(String name, List<@Nullable Estimate> bars) {
    if (bars.size() != groups.size()) {
      throw new IllegalArgumentException(
          "%s: %d bars for %d groups".formatted(name, bars.size(), groups.size()));
    }
    series.add(new Series(name, new ArrayList<>(bars)));
    return this;
  }

  @Override
  public String toSvg() {
    int legend = TOP + 18 * series.size();
    int row = BAR * series.size() + GAP;
    int height = legend + row * groups.size() + GAP;
    StringBuilder svg = new StringBuilder();
    append(
        svg,
        "<svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s\""
            + " font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"currentColor\">",
        WIDTH,
        height,
        WIDTH,
        height,
        Html.escape(title));
    append(
        svg,
        "<text x=\"%d\" y=\"18\" font-size=\"14\" font-weight=\"bold\">%s</text>",
        LEFT,
        Html.escape(title));
    for (int i = 0; i < series.size(); i++) {
      rect(svg, LEFT, TOP + 18 * i, BAR, color(i));
      text(svg, LEFT + BAR + 6, TOP + 18 * i + 11, "start", series.get(i).name());
    }
    double most = most();
    for (int group = 0; group < groups.size(); group++) {
      int top = legend + row * group + GAP / 2;
      text(svg, LEFT - 8, top + BAR * series.size() / 2 + 4, "end", groups.get(group));
      for (int i = 0; i < series.size(); i++) {
        Estimate bar = series.get(i).bars().get(group);
        if (bar != null) {
          bar(svg, top + BAR * i, bar, most, color(i));
        }
      }
    }
    return svg.append("</svg>").toString();
  }

  private static void bar(StringBuilder svg, int y, Estimate bar, double most, String color) {
    rect(svg, LEFT, y, x(bar.mean(), most) - LEFT, color);
    double middle = y + BAR / 2.0;
    append(
        svg,
        "<path d=\"M%.1f,%.1f H%.1f M%.1f,%.1f v6 M%.1f,%.1f v6\" stroke=\"currentColor\" fill=\"none\"/>",
        x(bar.low(), most),
        middle,
        x(bar.high(), most),
        x(bar.low(), most),
        middle - 3,
        x(bar.high(), most),
        middle - 3);
    text(
        svg,
        x(Math.max(bar.mean(), bar.high()), most) + 6,
        y + 11,
        "start",
        String.format(Locale.ROOT, "%.4f", bar.mean()));
  }

  private static double x(double value, double most) {
    return LEFT + (WIDTH - LEFT - RIGHT) * Math.max(0, value) / most;
  }

  /** Value at the right end. */
  private double most() {
    double most = 0;
    for (Series each : series) {
      for (Estimate bar : each.bars()) {
        most = bar == null ? most : Math.max(most, Math.max(bar.mean(), bar.high()));
      }
    }
    return most == 0 ? 1 : most;
  }

  private static void rect(StringBuilder svg, double x, double y, double width, String color) {
    append(
        svg,
        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\" rx=\"1\"/>",
        x,
        y,
        width,
        BAR - 2,
        color);
  }

  private static void text(StringBuilder svg, double x, double y, String anchor, String text) {
    append(
        svg,
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
        x,
        y,
        anchor,
        Html.escape(text));
  }

  private static void append(StringBuilder svg, String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values)).append('\n');
  }

  private static String color(int series) {
    Color color = Charts.COLORS[Math.min(series, Charts.COLORS.length - 1)];
    return String.format(Locale.ROOT, "#%06x", color.getRGB() & 0xFFFFFF);
  }
}
