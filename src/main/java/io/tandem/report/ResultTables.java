package io.tandem.report;

import io.tandem.evaluation.Estimate;
import io.tandem.evaluation.Evaluation.AtCutoff;
import io.tandem.evaluation.Measure;
import io.tandem.evaluation.PopularityBias;
import io.tandem.evaluation.Segment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Evaluations side by side, of one model or of many. */
public final class ResultTables {
  private final List<ModelResult> results;

  /**
   * @param results on the same held-out set, at the same cut-offs; at least one
   */
  public ResultTables(List<ModelResult> results) {
    this.results = List.copyOf(results);
  }

  /** Quality: a row for each result and cut-off. */
  public Table quality() {
    List<String> header = new ArrayList<>(List.of("model", "seen items", "k"));
    for (Measure measure : Measure.values()) {
      header.add(measure.label());
    }
    Table table = new Table(header.toArray(String[]::new));
    forEach(
        (result, at) -> {
          List<Object> row = new ArrayList<>(List.of(result.model(), result.seenItems(), at.k()));
          for (Measure measure : Measure.values()) {
            Estimate estimate = at.metric(measure);
            boolean interval = measure == Measure.RECALL || measure == Measure.NDCG;
            row.add(interval ? estimate : estimate.mean());
          }
          table.row(row.toArray());
        });
    return table;
  }

  /** Popularity bias: a row for each result and cut-off. */
  public Table popularityBias() {
    Table table =
        new Table(
            "model",
            "seen items",
            "k",
            "top 1 %",
            "top 10 %",
            "coverage",
            "Gini",
            "self-information");
    forEach(
        (result, at) -> {
          PopularityBias bias = at.popularityBias();
          table.row(
              result.model(),
              result.seenItems(),
              at.k(),
              bias.top1Percent(),
              bias.top10Percent(),
              bias.coverage(),
              bias.gini(),
              String.format(Locale.ROOT, "%.2f bits", bias.selfInformation()));
        });
    return table;
  }

  /**
   * A measure in each segment: a row for each group, a column for each model.
   *
   * @param k a cut-off that was measured
   */
  public Table segments(int k, Measure measure) {
    List<String> header = new ArrayList<>(List.of("by", "group", "queries"));
    results.forEach(result -> header.add(result.model()));
    Table table = new Table(header.toArray(String[]::new));
    for (Group group : groups(k, measure)) {
      List<Object> row = new ArrayList<>(List.of(group.by(), group.name(), queries(group, k)));
      for (ModelResult result : results) {
        Estimate estimate = estimate(result, group, k, measure);
        row.add(estimate == null ? "" : estimate);
      }
      table.row(row.toArray());
    }
    return table;
  }

  /** The same as {@link #segments} to look at, beside the mean over all queries. */
  public Bars segmentBars(int k, Measure measure) {
    List<Group> groups = groups(k, measure);
    List<String> names = new ArrayList<>(List.of("all queries"));
    groups.forEach(group -> names.add(group.by() + ": " + group.name()));
    Bars bars = new Bars("%s at %d by segment".formatted(measure.label(), k), names);
    for (ModelResult result : results) {
      List<@Nullable Estimate> estimates = new ArrayList<>();
      estimates.add(result.evaluation().at(k).metric(measure));
      groups.forEach(group -> estimates.add(estimate(result, group, k, measure)));
      bars.add(result.model(), estimates);
    }
    return bars;
  }

  /** Measures at one cut-off, a group of bars for each. */
  public Bars qualityBars(int k) {
    List<Measure> measures = List.of(Measure.values());
    Bars bars = new Bars("Metrics at " + k, measures.stream().map(Measure::label).toList());
    for (ModelResult result : results) {
      List<@Nullable Estimate> estimates = new ArrayList<>();
      measures.forEach(measure -> estimates.add(result.evaluation().at(k).metric(measure)));
      bars.add(result.model(), estimates);
    }
    return bars;
  }

  private record Group(String by, String name) {}

  private interface Visitor {
    void visit(ModelResult result, AtCutoff at);
  }

  private void forEach(Visitor visitor) {
    for (ModelResult result : results) {
      for (AtCutoff at : result.evaluation().cutoffs()) {
        visitor.visit(result, at);
      }
    }
  }

  /** Groups of which any result has the measure, in order. */
  private List<Group> groups(int k, Measure measure) {
    Set<Group> groups = new LinkedHashSet<>();
    for (ModelResult result : results) {
      for (Segment segment : result.evaluation().at(k).segments()) {
        if (segment.metrics().containsKey(measure)) {
          groups.add(new Group(segment.by(), segment.group()));
        }
      }
    }
    return List.copyOf(groups);
  }

  private int queries(Group group, int k) {
    return results.stream()
        .map(result -> segments(result, k).get(group))
        .mapToInt(segment -> segment == null ? 0 : segment.queries())
        .max()
        .orElse(0);
  }

  private static @Nullable Estimate estimate(
      ModelResult result, Group group, int k, Measure measure) {
    Segment segment = segments(result, k).get(group);
    return segment == null ? null : segment.metrics().get(measure);
  }

  private static Map<Group, Segment> segments(ModelResult result, int k) {
    Map<Group, Segment> segments = new LinkedHashMap<>();
    for (Segment segment : result.evaluation().at(k).segments()) {
      segments.put(new Group(segment.by(), segment.group()), segment);
    }
    return segments;
  }
}
