package io.tandem.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.base.Splitter;
import io.tandem.evaluation.Estimate;
import io.tandem.evaluation.Evaluation;
import io.tandem.evaluation.Evaluation.AtCutoff;
import io.tandem.evaluation.Measure;
import io.tandem.evaluation.Metrics;
import io.tandem.evaluation.PopularityBias;
import io.tandem.evaluation.QueryMetrics;
import io.tandem.evaluation.Segment;
import io.tandem.report.Scatter.Axis;
import io.tandem.training.EpochResult;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

final class ReportTest {
  private static final String NASTY = "<script>\"x\" & 'y'</script>";

  @Test
  void tablesAlignNumbersToTheRight() {
    Table table = new Table("model", "recall").row("popularity", 0.05).row("two towers", 12.25);

    assertThat(table.toString())
        .isEqualTo(
            """
            model        recall
            popularity   0.0500
            two towers  12.2500
            """);
  }

  @Test
  void intervalsDeviationsAndGapsAreNumbersToo() {
    Table table =
        new Table("group", "recall", "change")
            .row("warm", new Estimate(0.5, 0.25, 0.75), "0.1000 ± 0.0200")
            .row("cold", "", new Estimate(-0.5, -1, 0));

    assertThat(table.toString())
        .isEqualTo(
            """
            group                   recall                     change
            warm   0.5000 [0.2500, 0.7500]            0.1000 ± 0.0200
            cold                            -0.5000 [-1.0000, 0.0000]
            """);
  }

  @Test
  void rowsOfAnotherWidthAreRefused() {
    assertThatThrownBy(() -> new Table("a", "b").row(1)).hasMessage("row has 1 cells, expected 2");
  }

  @Test
  void pagesAreOneFileAndEscapeWhateverTheyAreGiven(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("new/report.html");
    double[] x = {1, 2};
    Page page =
        new Page(NASTY)
            .heading(NASTY)
            .paragraph(NASTY)
            .preformatted(NASTY)
            .table(new Table(NASTY).row(NASTY))
            .drawing(new Curves(NASTY, NASTY, NASTY).add(NASTY, x, x))
            .drawing(new Scatter(NASTY, NASTY, NASTY, Axis.LINEAR).add(NASTY, x, x).add("b", x, x))
            .drawing(
                new Bars(NASTY, List.of(NASTY)).add(NASTY, List.of(new Estimate(0.5, 0.25, 0.75))));
    List<ModelResult> results = List.of(result(NASTY, 0.2), result("b", 0.1));
    ModelDifference difference =
        new ModelDifference(NASTY, NASTY, NASTY, 10, results.get(0).evaluation().at(10).metrics());
    Sections.results(page, results, results, List.of(difference));
    Sections.training(
        page,
        Map.of(NASTY, List.of(new EpochResult(1, 3, new Metrics(10, 5, 0, 0, 0, 0, 0, 0), 1, 1))));
    ItemEmbeddings items =
        new ItemEmbeddings(NASTY, new float[] {1, 0, 0, 2, 1, 1}, 2, new long[] {3, 1, 0});
    Sections.items(page, items, NASTY, row -> List.of(NASTY));

    page.write(file);

    String html = Files.readString(file);
    assertThat(html)
        .contains("&lt;script&gt;", "viewport", "prefers-color-scheme: dark")
        .doesNotContain("<script", "http-equiv", "src=", "href=\"http", "url(http", "@import");
    assertThat(occurrences(html, "<svg")).isEqualTo(3 + 2 + 3 + 2);
  }

  @Test
  void drawingsAreWellFormed() throws Exception {
    double[] x = {1, 10, 100};
    parse(new Curves(NASTY, "x", "y").add(NASTY, x, x).toSvg());
    parse(new Scatter(NASTY, "x", "y", Axis.LOGARITHMIC).add(NASTY, x, x).toSvg());
    parse(new Bars(NASTY, List.of(NASTY)).add(NASTY, Arrays.asList((Estimate) null)).toSvg());
  }

  @Test
  void thousandsOfPointsMakeASmallFileAlwaysTheSame() {
    int n = 200_000;
    Random random = new Random(1);
    double[] x = random.doubles(n).toArray();
    double[] y = random.doubles(n).toArray();
    Scatter scatter = new Scatter("many", "x", "y", Axis.LINEAR).add("points", x, y);

    String svg = scatter.toSvg();

    assertThat(occurrences(svg, "<ellipse")).isBetween(Scatter.MOST / 2, Scatter.MOST);
    assertThat(svg.length()).isLessThan(400_000);
    assertThat(scatter.toSvg()).isEqualTo(svg);
  }

  @Test
  void aPointThatStandsApartIsDrawnHoweverManyCrowdElsewhere() {
    double[] x = new double[100_000];
    double[] y = new double[100_000];
    x[99_999] = 1;
    y[99_999] = 1;

    String svg = new Scatter("crowd", "x", "y", Axis.LINEAR).add("points", x, y).toSvg();

    assertThat(occurrences(svg, "<ellipse")).isEqualTo(2);
  }

  @Test
  void pointsThatCannotBeDrawnAreNamed() {
    Scatter scatter = new Scatter("t", "x", "y", Axis.LOGARITHMIC);

    assertThatThrownBy(() -> scatter.add("norms", new double[] {0}, new double[] {1}))
        .hasMessage("norms: cannot draw the point (0.0, 1.0)");
    assertThatThrownBy(() -> scatter.add("norms", new double[] {1}, new double[] {Double.NaN}))
        .hasMessage("norms: cannot draw the point (1.0, NaN)");
    assertThatThrownBy(() -> scatter.add("norms", new double[1], new double[2]))
        .hasMessage("norms: 1 values of x, 2 of y");
  }

  @Test
  void mapsColourTheEightMostFrequentValuesAndGroupTheRest() {
    // Value i belongs to items 1 to i, so that the last is the most frequent; item 0 has none.
    int items = 12;
    float[] vectors = new float[items * 2];
    Random random = new Random(2);
    for (int i = 0; i < vectors.length; i++) {
      vectors[i] = random.nextFloat();
    }
    ItemEmbeddings embeddings = new ItemEmbeddings("m", vectors, 2, new long[items]);

    List<String> names = embeddings.map("genre", row -> values(row, items)).names();

    assertThat(names)
        .containsExactly("v11", "v10", "v9", "v8", "v7", "v6", "v5", "v4", "other or none");
  }

  @Test
  void embeddingsOfOneLengthAreToldFromOthers() {
    long[] counts = {1, 2};

    assertThat(new ItemEmbeddings("m", new float[] {0.6f, 0.8f, 1, 0}, 2, counts).areNormalized())
        .isTrue();
    assertThat(new ItemEmbeddings("m", new float[] {0.6f, 0.8f, 2, 0}, 2, counts).areNormalized())
        .isFalse();
  }

  @Test
  void segmentsStandSideBySideAndGapsStayEmpty() {
    Table table =
        new ResultTables(List.of(result("a", 0.25), result("b", 0.5))).segments(10, Measure.RECALL);

    assertThat(Splitter.on('\n').splitToList(table.toString()))
        .startsWith(
            "by     group  queries                        a                        b",
            "query  warm         7  0.2500 [0.1250, 0.5000]  0.5000 [0.2500, 1.0000]");
  }

  /** The item's own value and all after it; none for the first item. */
  private static List<String> values(int item, int items) {
    List<String> values = new ArrayList<>();
    for (int value = item; value < items && item > 0; value++) {
      values.add("v" + value);
    }
    return values;
  }

  private static ModelResult result(String model, double recall) {
    Estimate estimate = new Estimate(recall, recall / 2, recall * 2);
    Map<Measure, Estimate> metrics = new EnumMap<>(Measure.class);
    for (Measure measure : Measure.values()) {
      metrics.put(measure, estimate);
    }
    QueryMetrics perQuery = QueryMetrics.of(new int[][] {{1}}, new int[][] {{1}}, 10);
    Segment segment = new Segment("query", "warm", 7, metrics);
    return new ModelResult(
        model,
        "excluded",
        new Evaluation(
            List.of(
                new AtCutoff(
                    perQuery, metrics, new PopularityBias(0, 0, 0, 0, 0), List.of(segment)))));
  }

  private static Document parse(String svg) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(svg)));
  }

  private static int occurrences(String text, String part) {
    return text.split(part, -1).length - 1;
  }
}
