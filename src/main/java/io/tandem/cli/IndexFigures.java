package io.tandem.cli;

import io.tandem.artifact.Manifest;
import io.tandem.artifact.Version;
import io.tandem.config.IndexConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.index.IndexReport;
import io.tandem.index.IndexReport.Considered;
import io.tandem.index.IndexReport.Point;
import io.tandem.report.Curves;
import io.tandem.report.Page;
import io.tandem.report.Table;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** What a version's index is and what was measured of it, as text, tables, a page and JSON. */
final class IndexFigures {
  private static final String OVER_FETCH = "overFetch";

  private final Version version;
  private final Manifest manifest;
  private final IndexReport report;
  private final ModelSpec spec;

  IndexFigures(Version version) {
    this.version = version;
    manifest = version.manifest();
    report = version.indexReport();
    spec = SpecReader.read(version.spec(), Map.of());
  }

  /** What the index is, in one line. */
  String headline() {
    return String.format(
        Locale.ROOT,
        "%s over %,d items × %d, %s, in version %s",
        manifest.index().type(),
        manifest.items(),
        manifest.dimension(),
        report.metric() == IndexConfig.Metric.COSINE ? "cosine" : "inner product",
        version.id());
  }

  /** Its figures, to be compared with those of other versions. */
  static Table summary(List<IndexFigures> all) {
    Table table =
        new Table(
            "version", "index", "parameters", "recall", "promised", "work", "of exact", "memory");
    for (IndexFigures each : all) {
      Manifest.IndexInfo index = each.manifest.index();
      table.row(
          each.version.id(),
          index.type(),
          setting(index.parameters()),
          "%.4f @%d".formatted(index.recall(), index.recallAt()),
          each.spec.index().minRecall(),
          whole(each.report.searchWork()),
          each.ofExact(each.report.searchWork()),
          megabytes(each.report.bytes()));
    }
    return table;
  }

  /** The settings that were tried; * marks the one in use. */
  Table curve() {
    TreeSet<String> names = new TreeSet<>();
    report.curve().forEach(point -> names.addAll(point.setting().keySet()));
    List<String> header = new ArrayList<>(List.of(""));
    header.addAll(names);
    header.addAll(
        List.of("recall@" + manifest.index().recallAt(), "work", "of exact", "µs when built"));
    Table table = new Table(header.toArray(String[]::new));
    for (Point point : report.curve()) {
      List<Object> cells = new ArrayList<>();
      cells.add(isChosen(point) ? "*" : "");
      names.forEach(name -> cells.add(point.setting().getOrDefault(name, 0)));
      cells.add(point.recall());
      cells.add(whole(point.work()));
      cells.add(ofExact(point.work()));
      cells.add(whole(point.micros()));
      table.row(cells.toArray());
    }
    return table;
  }

  /** Types that were tried before this one was chosen. */
  Table considered() {
    Table table =
        new Table("type", "tried over", "recall", "its work", "expected work", "expected memory");
    for (Considered type : report.considered()) {
      table.row(
          type.type(),
          whole(type.rows()),
          type.recall(),
          whole(type.work()),
          whole(type.expectedWork()),
          megabytes(type.bytes()));
    }
    return table;
  }

  boolean wasChosen() {
    return !report.considered().isEmpty();
  }

  boolean wasTuned() {
    return report.curve().size() > 1;
  }

  int queries() {
    return report.queries();
  }

  /** The same for a browser, with a plot of what recall costs. */
  Page page() {
    Page page = new Page("Tandem: index of " + manifest.spec()).paragraph(headline());
    page.table(summary(List.of(this)));
    if (wasTuned()) {
      page.heading("What recall costs")
          .paragraph(
              "Settings that were tried with half of %d queries; * marks the one in use, whose recall above is that of the other half."
                  .formatted(queries()))
          .drawing(plot())
          .table(curve());
    }
    if (wasChosen()) {
      page.heading("Types considered").table(considered());
    }
    return page.heading("Specification").preformatted(SpecReader.write(spec));
  }

  /** Recall over work, a curve for each over-fetch. */
  private Curves plot() {
    Curves curves =
        new Curves(
            "Recall@%d by work".formatted(manifest.index().recallAt()),
            "work, comparisons of a scan",
            "recall");
    Map<Integer, List<Point>> byFetch =
        report.curve().stream()
            .collect(
                Collectors.groupingBy(
                    point -> point.setting().getOrDefault(OVER_FETCH, 1),
                    TreeMap::new,
                    Collectors.toList()));
    byFetch.forEach(
        (fetch, points) ->
            add(curves, byFetch.size() > 1 ? OVER_FETCH + " " + fetch : "tried", points));
    add(curves, "in use", report.curve().stream().filter(this::isChosen).toList());
    return curves;
  }

  private static void add(Curves curves, String name, List<Point> points) {
    if (!points.isEmpty()) {
      curves.add(
          name,
          points.stream().mapToDouble(Point::work).toArray(),
          points.stream().mapToDouble(Point::recall).toArray());
    }
  }

  /**
   * For machines.
   *
   * @param promised share of the exact hits, from the specification
   */
  record Figures(
      String version,
      int items,
      int dimension,
      Manifest.IndexInfo index,
      double promised,
      IndexReport report) {}

  Figures json() {
    return new Figures(
        version.id(),
        manifest.items(),
        manifest.dimension(),
        manifest.index(),
        spec.index().minRecall(),
        report);
  }

  /** A setting is part of the parameters, which also say how the structure was built. */
  private boolean isChosen(Point point) {
    return manifest.index().parameters().entrySet().containsAll(point.setting().entrySet());
  }

  private String ofExact(double work) {
    return String.format(Locale.ROOT, "%.2f %%", 100 * work / manifest.items());
  }

  private static String setting(Map<String, Integer> parameters) {
    return parameters.entrySet().stream()
        .map(entry -> entry.getKey() + " " + entry.getValue())
        .collect(Collectors.joining(", "));
  }

  private static String whole(double number) {
    return String.format(Locale.ROOT, "%,.0f", number);
  }

  private static String megabytes(long bytes) {
    return String.format(Locale.ROOT, "%,.1f MB", bytes / 1e6);
  }
}
