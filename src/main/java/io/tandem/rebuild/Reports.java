package io.tandem.rebuild;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.tandem.artifact.Disk;
import io.tandem.artifact.Manifest.Gate;
import io.tandem.artifact.Store;
import io.tandem.report.Curves;
import io.tandem.report.Page;
import io.tandem.report.Table;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a rebuild came to, for machines and people: {@code STORE/rebuilds/RUN/report.*}. */
final class Reports {
  private static final String FOLDER = "rebuilds";

  /** Reports of runs that are kept. */
  private static final int KEPT = 100;

  private static final DateTimeFormatter RUN =
      DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmssSSS'Z'").withZone(ZoneOffset.UTC);
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private Reports() {}

  /** The name of a run. */
  static String run(Instant started) {
    return RUN.format(started);
  }

  static void write(Store store, RebuildResult result) throws IOException {
    Path folder = store.folder().resolve(FOLDER).resolve(result.run());
    write(store.disk(), folder.resolve("report.json"), JSON.writeValueAsBytes(result));
    write(
        store.disk(),
        folder.resolve("report.html"),
        page(result).toHtml().getBytes(StandardCharsets.UTF_8));
  }

  /** Writes a file whole or not at all. */
  static void write(Disk disk, Path file, byte[] bytes) throws IOException {
    Path next = file.resolveSibling(file.getFileName() + ".next");
    disk.createFolderOf(file.toAbsolutePath());
    disk.delete(next);
    try (OutputStream out = disk.create(next)) {
      out.write(bytes);
    }
    disk.move(next, file);
  }

  /** Deletes the oldest. */
  static void prune(Store store) throws IOException {
    Path folder = store.folder().resolve(FOLDER);
    if (!Files.isDirectory(folder)) {
      return;
    }
    List<Path> runs;
    try (Stream<Path> inside = Files.list(folder)) {
      runs = inside.sorted().toList();
    }
    for (Path run : runs.subList(0, Math.max(0, runs.size() - KEPT))) {
      store.disk().deleteAll(run);
    }
  }

  private static Page page(RebuildResult result) {
    Page page =
        new Page("Rebuild of " + result.store())
            .paragraph(
                "%s, %s, %.1f s. Before: version %s. %s"
                    .formatted(
                        result.outcome().name().toLowerCase(Locale.ROOT),
                        result.started(),
                        result.seconds(),
                        result.before(),
                        result.version() == null
                            ? ""
                            : (result.outcome() == RebuildResult.Outcome.PUBLISHED
                                    ? "Now: version "
                                    : "Kept for inspection: candidate ")
                                + result.version()));
    if (result.failure() != null) {
      page.heading("Failure").preformatted(result.failure());
    }
    if (!result.gates().isEmpty()) {
      page.heading("Gates").table(gates(result.gates()));
    }
    Table steps = new Table("step", "seconds", "");
    result
        .steps()
        .forEach(done -> steps.row(done.step(), "%.2f".formatted(done.seconds()), facts(done)));
    page.heading("Steps").table(steps);
    drift(page, result);
    Probes probes = result.probes();
    if (probes != null) {
      page.heading("Example queries");
      for (Probes.Example example : probes.examples()) {
        Table table = new Table("", "before", "after");
        int most = Math.max(example.before().size(), example.after().size());
        for (int rank = 0; rank < most; rank++) {
          table.row(rank + 1, at(example.before(), rank), at(example.after(), rank));
        }
        page.paragraph("Query " + example.query()).table(table);
      }
    }
    return page;
  }

  /** The gates, as they are shown to people. */
  static Table gates(List<Gate> gates) {
    Table table = new Table("gate", "verdict", "expected", "found");
    for (Gate gate : gates) {
      table.row(
          gate.name(),
          gate.verdict().name().toLowerCase(Locale.ROOT).replace('_', ' '),
          gate.expected(),
          gate.found() + (gate.why() == null ? "" : "; forced: " + gate.why()));
    }
    return table;
  }

  /** Facts of a step as {@code name=value}, parted by spaces. */
  static String facts(Step.Done done) {
    return done.facts().entrySet().stream()
        .map(
            fact ->
                fact.getKey()
                    + "="
                    + (fact.getValue() instanceof Double value
                        ? String.format(Locale.ROOT, "%.3f", value)
                        : fact.getValue().toString().replace(' ', '_')))
        .collect(Collectors.joining(" "));
  }

  private static void drift(Page page, RebuildResult result) {
    VectorHealth before = result.vectorsBefore();
    VectorHealth after = result.vectorsAfter();
    Probes probes = result.probes();
    if (before == null || after == null || probes == null) {
      return;
    }
    page.heading("Drift");
    double[] percent = new double[before.lengths().length];
    Arrays.setAll(percent, i -> i);
    page.drawing(
        new Curves("Lengths of item vectors", "percentile", "length")
            .add("before", percent, before.lengths())
            .add("after", percent, after.lengths()));
    page.drawing(
        new Curves("Spread of components, the widest first", "component", "standard deviation")
            .add("before", numbers(before.deviations().length), before.deviations())
            .add("after", numbers(after.deviations().length), after.deviations()));
    if (probes.overlaps().length > 0) {
      page.drawing(
          new Curves(
                  "Overlap of the top with that before", "probe query, sorted", "share that stays")
              .add("overlap", numbers(probes.overlaps().length), probes.overlaps()));
      double[] quantiles = new double[100];
      Arrays.setAll(quantiles, i -> i + 0.5);
      page.drawing(
          new Curves("Time of a probe query", "percentile", "ms")
              .add("before", quantiles, times(probes.millisBefore()))
              .add("after", quantiles, times(probes.millisAfter())));
    }
  }

  private static double[] times(double[] sorted) {
    double[] times = new double[100];
    Arrays.setAll(times, i -> Probes.quantile(sorted, (i + 0.5) / 100));
    return times;
  }

  private static double[] numbers(int n) {
    double[] numbers = new double[n];
    Arrays.setAll(numbers, i -> i + 1);
    return numbers;
  }

  private static String at(List<String> list, int rank) {
    return rank < list.size() ? list.get(rank) : "";
  }
}
