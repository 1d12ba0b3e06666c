package io.tandem.report;

import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Curves over one axis. */
public final class Curves implements Drawing {
  private final XYChart chart;

  public Curves(String title, String xLabel, String yLabel) {
    chart = Charts.chart(title, xLabel, yLabel, 320);
    chart.getStyler().setMarkerSize(4);
  }

  /**
   * Adds a curve through points.
   *
   * @param name of its own among the curves
   * @param x of the same length as {@code y}, at least one, finite
   */
  public Curves add(String name, double[] x, double[] y) {
    chart.addSeries(name, x, y).setMarker(SeriesMarkers.CIRCLE);
    return this;
  }

  @Override
  public String toSvg() {
    return Charts.svg(chart);
  }
}
