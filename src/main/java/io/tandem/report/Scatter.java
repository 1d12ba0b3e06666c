package io.tandem.report;

import it.unimi.dsi.fastutil.ints.IntOpenHashSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Points in several colours. Of very many points the same few thousand are drawn every time: none
 * on top of another of its series, so that what stands apart stays, and then every n-th.
 */
public final class Scatter implements Drawing {
  /** Points drawn at most. */
  static final int MOST = 3000;

  /** Points of a series nearer than this share of an axis cover each other. */
  private static final int CELLS = 250;

  private final String title;
  private final String xLabel;
  private final String yLabel;
  private final Axis xAxis;
  private final List<Series> series = new ArrayList<>();

  /** How an axis runs. */
  public enum Axis {
    LINEAR,

    /** Of base 10; values must be above 0. */
    LOGARITHMIC
  }

  private record Series(String name, double[] x, double[] y) {}

  public Scatter(String title, String xLabel, String yLabel, Axis xAxis) {
    this.title = title;
    this.xLabel = xLabel;
    this.yLabel = yLabel;
    this.xAxis = xAxis;
  }

  /**
   * Adds points of one colour; the ninth and later series are grey.
   *
   * @param name of its own among the series
   * @param x of the same length as {@code y}, finite; above 0 on a logarithmic axis
   */
  public Scatter add(String name, double[] x, double[] y) {
    if (x.length != y.length) {
      throw new IllegalArgumentException(
          "%s: %d values of x, %d of y".formatted(name, x.length, y.length));
    }
    for (int i = 0; i < x.length; i++) {
      boolean drawable = Double.isFinite(x[i]) && Double.isFinite(y[i]);
      if (!drawable || (xAxis == Axis.LOGARITHMIC && x[i] <= 0)) {
        throw new IllegalArgumentException(
            "%s: cannot draw the point (%s, %s)".formatted(name, x[i], y[i]));
      }
    }
    series.add(new Series(name, x.clone(), y.clone()));
    return this;
  }

  /** Names of the series. */
  List<String> names() {
    return series.stream().map(Series::name).toList();
  }

  @Override
  public String toSvg() {
    XYChart chart = Charts.chart(title, xLabel, yLabel, 420);
    chart.getStyler().setDefaultSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
    chart.getStyler().setMarkerSize(4);
    chart.getStyler().setXAxisLogarithmic(xAxis == Axis.LOGARITHMIC);
    chart.getStyler().setLegendVisible(series.size() > 1);
    int place = 0;
    for (Series each : thinned()) {
      if (each.x().length > 0) {
        chart
            .addSeries(each.name(), each.x(), each.y())
            .setMarker(SeriesMarkers.CIRCLE)
            .setMarkerColor(Charts.COLORS[Math.min(place, Charts.COLORS.length - 1)]);
      }
      place++;
    }
    return Charts.svg(chart);
  }

  /** The series as they are drawn. */
  private List<Series> thinned() {
    double[] x = range(series.stream().map(Series::x).toList(), xAxis);
    double[] y = range(series.stream().map(Series::y).toList(), Axis.LINEAR);
    List<int[]> visible = series.stream().map(each -> visible(each, x, y)).toList();
    long total = visible.stream().mapToLong(points -> points.length).sum();
    List<Series> thinned = new ArrayList<>();
    long before = 0;
    for (int i = 0; i < visible.size(); i++) {
      long first = before;
      int[] points = visible.get(i);
      int[] kept =
          total <= MOST
              ? points
              : IntStream.range(0, points.length)
                  .filter(at -> (first + at + 1) * MOST / total > (first + at) * MOST / total)
                  .map(at -> points[at])
                  .toArray();
      before += points.length;
      Series all = series.get(i);
      thinned.add(
          new Series(
              all.name(),
              Arrays.stream(kept).mapToDouble(point -> all.x()[point]).toArray(),
              Arrays.stream(kept).mapToDouble(point -> all.y()[point]).toArray()));
    }
    return thinned;
  }

  /** The first point of each cell. */
  private int[] visible(Series each, double[] x, double[] y) {
    IntOpenHashSet taken = new IntOpenHashSet();
    return IntStream.range(0, each.x().length)
        .filter(
            i ->
                taken.add(cell(scaled(each.x()[i], xAxis), x) * (CELLS + 1) + cell(each.y()[i], y)))
        .toArray();
  }

  private static int cell(double value, double[] range) {
    return range[1] == range[0] ? 0 : (int) (CELLS * (value - range[0]) / (range[1] - range[0]));
  }

  private static double scaled(double value, Axis axis) {
    return axis == Axis.LOGARITHMIC ? Math.log10(value) : value;
  }

  private static double[] range(List<double[]> values, Axis axis) {
    double[] range = {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
    for (double[] each : values) {
      for (double value : each) {
        range[0] = Math.min(range[0], scaled(value, axis));
        range[1] = Math.max(range[1], scaled(value, axis));
      }
    }
    return range;
  }
}
