package io.tandem.cli;

import io.tandem.evaluation.Estimate;
import io.tandem.evaluation.Evaluation;
import io.tandem.evaluation.Evaluation.AtCutoff;
import io.tandem.evaluation.Evaluator;
import io.tandem.evaluation.HeldOut.Seen;
import io.tandem.evaluation.Measure;
import io.tandem.evaluation.PopularityBias;
import io.tandem.evaluation.Segment;
import io.tandem.evaluation.Spread;
import io.tandem.experiment.Comparison.Measured;
import io.tandem.experiment.TrainingRun;
import io.tandem.report.ModelDifference;
import io.tandem.report.ModelResult;
import io.tandem.report.Table;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * The figures of a comparison as tables and for machines. With one seed, means carry confidence
 * intervals over queries; with several, the deviation over seeds.
 */
final class ComparisonResults {
  private final List<Measured> measured;
  private final Map<Seen, Evaluator> evaluators;
  private final List<Integer> cutoffs;

  ComparisonResults(
      List<Measured> measured, Map<Seen, Evaluator> evaluators, List<Integer> cutoffs) {
    this.measured = measured;
    this.evaluators = evaluators;
    this.cutoffs = cutoffs;
  }

  /** One model, seed and cut-off. */
  record Figures(
      String model,
      long seed,
      String seenItems,
      int k,
      int queries,
      Map<Measure, Estimate> metrics,
      PopularityBias popularityBias,
      List<Segment> segments) {}

  /** A figure over the seeds of a model. */
  record OverSeeds(
      String model, String seenItems, int k, Map<Measure, Spread> metrics, Spread top1Percent) {}

  /** A model less the first one, each seed of it paired with the same seed of the other. */
  record Difference(
      String model,
      String from,
      String seenItems,
      int k,
      long seed,
      Map<Measure, Estimate> metrics) {}

  /** What a model cost. */
  record Cost(String model, Spread seconds, List<TrainingRun.Outcome> trainings) {}

  /** Number of held-out queries. */
  int queries() {
    return first(measured.get(0)).cutoffs().get(0).perQuery().mean().queries();
  }

  /** Quality, popularity bias and training time: a row for each model and cut-off. */
  Table overview() {
    Table table =
        new Table(
            "model",
            "seen items",
            "k",
            "recall",
            "NDCG",
            "MRR",
            "top 1 %",
            "top 10 %",
            "coverage",
            "Gini",
            "training");
    for (Measured each : measured) {
      for (int k : cutoffs) {
        table.row(
            each.entrant().name(),
            seen(each),
            k,
            quality(each, k, Measure.RECALL),
            quality(each, k, Measure.NDCG),
            spread(each, at -> at.metric(Measure.MRR).mean(), k),
            spread(each, at -> at.popularityBias().top1Percent(), k),
            spread(each, at -> at.popularityBias().top10Percent(), k),
            spread(each, at -> at.popularityBias().coverage(), k),
            spread(each, at -> at.popularityBias().gini(), k),
            String.format(Locale.ROOT, "%.1f s", seconds(each).mean()));
      }
    }
    return table;
  }

  /** Recall by segment: a column for each model, with seen items out of the ranking. */
  Table segments(int k) {
    List<Measured> models = segmented();
    List<String> header = new ArrayList<>(List.of("by", "group", "queries"));
    models.forEach(each -> header.add(each.entrant().name()));
    Table table = new Table(header.toArray(String[]::new));
    for (Segment segment : first(models.get(0)).at(k).segments()) {
      List<Object> row = new ArrayList<>(List.of(segment.by(), segment.group(), segment.queries()));
      for (Measured each : models) {
        row.add(
            each.evaluations().size() == 1
                ? recall(segment, each.evaluations().get(0), k)
                : Spread.of(
                    each.evaluations().stream()
                        .mapToDouble(evaluation -> recall(segment, evaluation, k).mean())
                        .toArray()));
      }
      table.row(row.toArray());
    }
    return table;
  }

  /** Recall and NDCG of each model less the first one's, over pairs of the same query and seed. */
  Table differenceTable() {
    if (!severalSeeds()) {
      return ModelDifference.table(modelDifferences());
    }
    Table table = new Table("model", "less", "seen items", "k", "Δ recall", "Δ NDCG");
    Map<String, List<Difference>> groups = new LinkedHashMap<>();
    for (Difference each : differences()) {
      groups
          .computeIfAbsent(each.model() + each.seenItems() + each.k(), none -> new ArrayList<>())
          .add(each);
    }
    for (List<Difference> seeds : groups.values()) {
      Difference one = seeds.get(0);
      table.row(
          one.model(),
          one.from(),
          one.seenItems(),
          one.k(),
          overSeeds(seeds, Measure.RECALL),
          overSeeds(seeds, Measure.NDCG));
    }
    return table;
  }

  /** Differences of the first seeds. */
  List<ModelDifference> modelDifferences() {
    Map<String, ModelDifference> first = new LinkedHashMap<>();
    for (Difference each : differences()) {
      first.putIfAbsent(
          each.model() + each.seenItems() + each.k(),
          new ModelDifference(
              each.model(), each.from(), each.seenItems(), each.k(), each.metrics()));
    }
    return List.copyOf(first.values());
  }

  /** Every difference to the first model. */
  List<Difference> differences() {
    List<Difference> differences = new ArrayList<>();
    Map<Seen, Measured> firsts = new EnumMap<>(Seen.class);
    for (Measured each : measured) {
      Measured from = firsts.putIfAbsent(each.seen(), each);
      if (from == null) {
        continue;
      }
      Evaluator evaluator = Objects.requireNonNull(evaluators.get(each.seen()));
      int pairs = Math.max(each.evaluations().size(), from.evaluations().size());
      for (int k : cutoffs) {
        for (int seed = 0; seed < pairs; seed++) {
          Map<Measure, Estimate> metrics = new EnumMap<>(Measure.class);
          for (Measure measure : Measure.values()) {
            metrics.put(
                measure, evaluator.difference(measure, k, run(each, seed), run(from, seed)));
          }
          long number = from.entrant().spec().training().seed() + seed;
          differences.add(
              new Difference(
                  each.entrant().name(), from.entrant().name(), seen(each), k, number, metrics));
        }
      }
    }
    return differences;
  }

  /** Those of the first seeds, for a report. */
  List<ModelResult> results() {
    return measured.stream().map(ComparisonResults::result).toList();
  }

  /** Those of the first seeds with seen items out of the ranking, where there are any. */
  List<ModelResult> segmentedResults() {
    return segmented().stream().map(ComparisonResults::result).toList();
  }

  /** Everything, for machines. */
  Map<String, Object> json() {
    List<Figures> figures = new ArrayList<>();
    List<OverSeeds> spreads = new ArrayList<>();
    Map<String, Cost> costs = new LinkedHashMap<>();
    for (Measured each : measured) {
      List<TrainingRun.Outcome> outcomes =
          each.entrant().runs().stream().map(TrainingRun::outcome).toList();
      costs.putIfAbsent(
          each.entrant().name(), new Cost(each.entrant().name(), seconds(each), outcomes));
      for (int k : cutoffs) {
        for (int run = 0; run < each.evaluations().size(); run++) {
          figures.add(figures(each, outcomes.get(run).seed(), each.evaluations().get(run).at(k)));
        }
        Map<Measure, Spread> metrics = new EnumMap<>(Measure.class);
        for (Measure measure : Measure.values()) {
          metrics.put(measure, spread(each, at -> at.metric(measure).mean(), k));
        }
        spreads.add(
            new OverSeeds(
                each.entrant().name(),
                seen(each),
                k,
                metrics,
                spread(each, at -> at.popularityBias().top1Percent(), k)));
      }
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("models", costs.values());
    json.put("results", figures);
    json.put("overSeeds", spreads);
    json.put("differences", differences());
    return json;
  }

  boolean severalSeeds() {
    return measured.stream().anyMatch(each -> each.evaluations().size() > 1);
  }

  /** Training time over the seeds. */
  private static Spread seconds(Measured each) {
    return Spread.of(
        each.entrant().runs().stream().mapToDouble(run -> run.outcome().seconds()).toArray());
  }

  private List<Measured> segmented() {
    Seen first = measured.get(0).seen();
    return measured.stream().filter(each -> each.seen() == first).toList();
  }

  private static Figures figures(Measured each, long seed, AtCutoff at) {
    return new Figures(
        each.entrant().name(),
        seed,
        seen(each),
        at.k(),
        at.perQuery().mean().queries(),
        at.metrics(),
        at.popularityBias(),
        at.segments());
  }

  private static ModelResult result(Measured each) {
    return new ModelResult(each.entrant().name(), seen(each), first(each));
  }

  private static Object quality(Measured each, int k, Measure measure) {
    return each.evaluations().size() == 1
        ? first(each).at(k).metric(measure)
        : spread(each, at -> at.metric(measure).mean(), k);
  }

  private static Spread spread(Measured each, ToDoubleFunction<AtCutoff> figure, int k) {
    return Spread.of(
        each.evaluations().stream()
            .mapToDouble(evaluation -> figure.applyAsDouble(evaluation.at(k)))
            .toArray());
  }

  private static Spread overSeeds(List<Difference> seeds, Measure measure) {
    return Spread.of(
        seeds.stream()
            .mapToDouble(each -> Objects.requireNonNull(each.metrics().get(measure)).mean())
            .toArray());
  }

  /** Groups do not depend on the model. */
  private static Estimate recall(Segment like, Evaluation evaluation, int k) {
    @Nullable Estimate recall =
        evaluation.at(k).segments().stream()
            .filter(each -> each.by().equals(like.by()) && each.group().equals(like.group()))
            .findFirst()
            .map(each -> each.metrics().get(Measure.RECALL))
            .orElse(null);
    return Objects.requireNonNull(recall, "recall of a segment");
  }

  /** A model without chance in it has the same evaluation for every seed. */
  private static Evaluation run(Measured each, int seed) {
    return each.evaluations().get(Math.min(seed, each.evaluations().size() - 1));
  }

  private static Evaluation first(Measured each) {
    return each.evaluations().get(0);
  }

  private static String seen(Measured each) {
    return each.seen().name().toLowerCase(Locale.ROOT);
  }
}
