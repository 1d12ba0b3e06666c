package io.tandem.cli;

import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import io.tandem.baseline.Popularity;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.evaluation.ConstantRanker;
import io.tandem.evaluation.Estimate;
import io.tandem.evaluation.Evaluation;
import io.tandem.evaluation.Evaluation.AtCutoff;
import io.tandem.evaluation.Evaluator;
import io.tandem.evaluation.HeldOut;
import io.tandem.evaluation.HeldOut.Seen;
import io.tandem.evaluation.ItemCounts;
import io.tandem.evaluation.Measure;
import io.tandem.evaluation.PopularityBias;
import io.tandem.evaluation.Segment;
import io.tandem.report.ItemEmbeddings;
import io.tandem.report.ModelDifference;
import io.tandem.report.ModelResult;
import io.tandem.report.Page;
import io.tandem.report.ResultTables;
import io.tandem.report.Sections;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    description =
        "Ranks the whole corpus for every query of the test set (or of the validation set), with the"
            + " current version of a store and, beside it, by popularity.",
    footer = {
      "",
      "Seen items are those before the held-out ones. Intervals hold the true mean in 95 of 100",
      "cases (bootstrap over queries). 'top 1 %%' is the share of recommendations that go to the",
      "most popular 1 %% of items, 'coverage' the share of items ever recommended.",
      "",
      "  tandem evaluate store --k 10,50 --report report.html"
    })
final class EvaluateCommand implements Callable<Integer> {
  private static final String BASELINE = "popularity";

  @Mixin StoreArgument argument = new StoreArgument();

  @Option(
      names = "--k",
      split = ",",
      paramLabel = "K",
      description = "Cut-offs; segments are shown at the first (default: ${DEFAULT-VALUE}).",
      defaultValue = "10,50")
  List<Integer> cutoffs = List.of();

  @Option(
      names = "--version-id",
      paramLabel = "ID",
      description = "Another than the current version.")
  @Nullable String versionId;

  @Option(
      names = "--split",
      paramLabel = "NAME",
      defaultValue = "test",
      description =
          "test, or validation to choose by without a look at the test set (default:"
              + " ${DEFAULT-VALUE}).")
  Part part = Part.TEST;

  /** Held-out parts of a split. */
  enum Part {
    TEST,
    VALIDATION
  }

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description = "Also write one self-contained HTML page with tables, curves and plots.")
  @Nullable Path report;

  @Option(
      names = "--color-by",
      paramLabel = "COLUMN",
      description =
          "Attribute that colours the report's map of the items (default: that of the first"
              + " categorical feature).")
  @Nullable String colorBy;

  @Mixin JsonOutput output = new JsonOutput();

  /** One row of the result. */
  record Figures(
      String model,
      String seenItems,
      int k,
      int queries,
      Map<Measure, Estimate> metrics,
      PopularityBias popularityBias,
      List<Segment> segments) {

    static Figures of(ModelResult result, AtCutoff at) {
      return new Figures(
          result.model(),
          result.seenItems(),
          at.k(),
          at.perQuery().mean().queries(),
          at.metrics(),
          at.popularityBias(),
          at.segments());
    }
  }

  @Override
  public Integer call() {
    for (int k : cutoffs) {
      if (k < 1) {
        throw output.wrongCall("--k: expected a number of at least 1, found " + k);
      }
    }
    Store store = argument.open();
    Version version = versionId == null ? store.current() : store.version(versionId);
    ModelSpec spec = SpecReader.read(version.spec(), Map.of());
    if (part == Part.VALIDATION && spec.training().refit()) {
      throw output.wrongCall(
          "--split: expected test, since this model was trained on the validation set too"
              + " (training.refit), found validation");
    }
    try (Dataset read = DatasetReader.read(spec.data());
        OpenVersion open = version.open()) {
      // Warm and popular is what the published parameters saw.
      Dataset dataset = spec.training().refit() ? read.withValidationInTraining() : read;
      Optional<ItemColors> colors =
          colorBy == null
              ? ItemColors.first(spec, open.texts())
              : Optional.of(ItemColors.of(colorBy, spec, open.texts()));
      VersionEmbeddings embeddings = new VersionEmbeddings(open, dataset);
      List<ModelResult> results = new ArrayList<>();
      List<ModelDifference> differences = new ArrayList<>();
      for (Seen seen : Seen.values()) {
        measure(spec, dataset, embeddings, seen, results, differences);
      }
      if (results.isEmpty()) {
        throw new DataException("the %s set is empty: see data.split".formatted(partName()));
      }
      show(version, results, differences);
      output.json(json(store, version, results, differences));
      if (report != null) {
        ItemCounts counts = ItemCounts.of(dataset.split().train(), dataset.itemKeys().size());
        page(
                store,
                version,
                spec,
                results,
                differences,
                embeddings.published(spec.name(), counts),
                colors)
            .write(report);
      }
    }
    return 0;
  }

  private void measure(
      ModelSpec spec,
      Dataset dataset,
      VersionEmbeddings embeddings,
      Seen seen,
      List<ModelResult> results,
      List<ModelDifference> differences) {
    HeldOut heldOut =
        part == Part.TEST ? HeldOut.test(dataset, seen) : HeldOut.validation(dataset, seen);
    if (heldOut.queries().length == 0) {
      return;
    }
    String seenItems = seen.name().toLowerCase(Locale.ROOT);
    Evaluator evaluator = new Evaluator(dataset, heldOut, cutoffs, spec.training().seed());
    Evaluation model = evaluator.evaluate(embeddings.ranker(heldOut));
    results.add(new ModelResult(spec.name(), seenItems, model));
    if (spec.model() instanceof ModelConfig.Popularity) {
      return;
    }
    float[] counts = Popularity.scores(dataset.split().train(), dataset.itemKeys().size());
    Evaluation baseline = evaluator.evaluate(new ConstantRanker(counts));
    results.add(new ModelResult(BASELINE, seenItems, baseline));
    for (int k : cutoffs) {
      Map<Measure, Estimate> metrics = new EnumMap<>(Measure.class);
      for (Measure measure : Measure.values()) {
        metrics.put(measure, evaluator.difference(measure, k, model, baseline));
      }
      differences.add(new ModelDifference(spec.name(), BASELINE, seenItems, k, metrics));
    }
  }

  private void show(Version version, List<ModelResult> results, List<ModelDifference> differences) {
    PrintWriter out = output.text();
    ResultTables tables = new ResultTables(results);
    List<ModelResult> segmented = segmented(results);
    out.printf(
        "%n%s set, full corpus, %d queries, version %s, 95 %% intervals in brackets:%n%n%s%n%s",
        Character.toUpperCase(partName().charAt(0)) + partName().substring(1),
        results.get(0).evaluation().cutoffs().get(0).perQuery().mean().queries(),
        version.id(),
        tables.quality(),
        tables.popularityBias());
    if (!differences.isEmpty()) {
      out.printf("%nDifferences, over pairs of the same query:%n%n");
      out.print(ModelDifference.table(differences));
    }
    out.printf(
        "%nRecall@%d by segment, seen items %s:%n%n%s",
        cutoffs.get(0),
        segmented.get(0).seenItems(),
        new ResultTables(segmented).segments(cutoffs.get(0), Measure.RECALL));
    out.flush();
  }

  /** Those with seen items out of the ranking, where there are any. */
  private static List<ModelResult> segmented(List<ModelResult> results) {
    String first = results.get(0).seenItems();
    return results.stream().filter(result -> result.seenItems().equals(first)).toList();
  }

  private String partName() {
    return part.name().toLowerCase(Locale.ROOT);
  }

  private Map<String, Object> json(
      Store store, Version version, List<ModelResult> results, List<ModelDifference> differences) {
    List<Figures> figures = new ArrayList<>();
    for (ModelResult result : results) {
      result.evaluation().cutoffs().forEach(at -> figures.add(Figures.of(result, at)));
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("store", store.folder().toString());
    json.put("version", version.id());
    json.put("split", partName());
    json.put("results", figures);
    json.put("differences", differences);
    return json;
  }

  private static Page page(
      Store store,
      Version version,
      ModelSpec spec,
      List<ModelResult> results,
      List<ModelDifference> differences,
      ItemEmbeddings items,
      Optional<ItemColors> colors) {
    Page page = new Page("Tandem: " + spec.name()).paragraph("Version " + version.id());
    Sections.results(page, results, segmented(results), differences);
    Sections.training(page, Map.of(spec.name(), TrainingFolder.readHistory(store)));
    if (colors.isPresent()) {
      Sections.items(page, items, colors.get().column(), colors.get().values());
    } else {
      Sections.items(page, items);
    }
    return page.heading("Specification").preformatted(SpecReader.write(spec));
  }
}
