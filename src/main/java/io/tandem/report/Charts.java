package io.tandem.report;

import java.awt.Color;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;

/** The common look of what XChart draws, and its way into a page. */
final class Charts {
  /**
   * Colours that the colour-blind can tell apart (after Wong, 2011), on dark ground too: eight,
   * then grey for what is left.
   */
  static final Color[] COLORS = {
    new Color(0x0072B2),
    new Color(0xD55E00),
    new Color(0x009E73),
    new Color(0xCC79A7),
    new Color(0xE69F00),
    new Color(0x56B4E9),
    new Color(0x222222),
    new Color(0x6A3D9A),
    new Color(0xB5B5B5)
  };

  private static final Pattern FRACTION = Pattern.compile("(\\d+\\.\\d)\\d+");
  private static final Pattern NO_STROKE =
      Pattern.compile("fill:rgb\\((\\d+),(\\d+),(\\d+)\\);stroke:none;");
  private static final Pattern INDENT = Pattern.compile("\\n\\s*");

  private Charts() {}

  static XYChart chart(String title, String xLabel, String yLabel, int height) {
    XYChart chart =
        new XYChartBuilder()
            .width(760)
            .height(height)
            .title(title)
            .xAxisTitle(xLabel)
            .yAxisTitle(yLabel)
            .build();
    chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
    chart.getStyler().setLegendBorderColor(Color.WHITE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setPlotBorderVisible(false);
    chart.getStyler().setPlotGridLinesColor(new Color(0xE4E4E4));
    chart.getStyler().setChartTitleBoxVisible(false);
    chart.getStyler().setDecimalPattern("0.#####");
    chart.getStyler().setSeriesColors(COLORS);
    return chart;
  }

  /**
   * An {@code svg} element. Text comes as outlines, so that the title is said again for those who
   * cannot see it; coordinates keep one decimal, which halves the size.
   */
  static String svg(XYChart chart) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      VectorGraphicsEncoder.saveVectorGraphic(chart, bytes, VectorGraphicsFormat.SVG);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String document = bytes.toString(StandardCharsets.UTF_8);
    String svg = document.substring(document.indexOf("<svg") + "<svg".length());
    svg = FRACTION.matcher(svg).replaceAll("$1");
    svg = NO_STROKE.matcher(svg).replaceAll("fill:rgb($1,$2,$3)");
    svg = INDENT.matcher(svg).replaceAll("\n");
    return "<svg class=\"paper\" role=\"img\" aria-label=\"%s\"%s"
        .formatted(Html.escape(chart.getTitle()), svg);
  }
}
