package io.tandem.cli;

import com.google.common.hash.Hashing;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.evaluation.Evaluator;
import io.tandem.evaluation.HeldOut.Seen;
import io.tandem.evaluation.ItemCounts;
import io.tandem.experiment.Comparison;
import io.tandem.experiment.TrainedEmbeddings;
import io.tandem.experiment.TrainingRun;
import io.tandem.report.ItemEmbeddings;
import io.tandem.report.Page;
import io.tandem.report.Sections;
import io.tandem.training.EpochResult;
import io.tandem.training.ProgressListener;
import io.tandem.training.TrainingListener;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "compare",
    mixinStandardHelpOptions = true,
    description =
        "Trains several models on one split of the same data and measures them side by side on the"
            + " test set, ranking the whole corpus. Popularity is always among them.",
    footer = {
      "",
      "The first model is what the others are compared to. Called again, it skips the trainings",
      "that are done, and continues the one that was stopped from its checkpoint; a changed",
      "specification or changed data are trained afresh. Training time leaves out validation.",
      "",
      "With one seed, brackets hold 95 %% intervals by bootstrap over queries. With several, each",
      "figure is the mean over seeds ± the deviation of a single training.",
      "",
      "  tandem compare towers.yaml als.yaml",
      "  tandem compare towers.yaml als.yaml --seeds 5 --json figures.json --report report.html",
      "  tandem compare a.yaml b.yaml --set training.epochs=3 --k 20",
      "",
      "What each setting buys:",
      "",
      "  tandem compare towers.yaml --seeds 3 --variant warm:training.temperature=0.2 \\",
      "      --variant queue:training.negatives.queue=2048,training.sampling_correction=none"
    })
final class CompareCommand implements Callable<Integer> {
  private static final Pattern VARIANT = Pattern.compile("([A-Za-z0-9._-]+):([A-Za-z0-9_.]+=.*)");

  @Parameters(
      paramLabel = "SPEC",
      arity = "1..*",
      description = "Specifications of the same data section, in YAML.")
  List<Path> specifications = List.of();

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Replaces a value in every specification; may be repeated.")
  Map<String, String> overrides = new LinkedHashMap<>();

  @Option(
      names = "--variant",
      paramLabel = "NAME:KEY=VALUE[,KEY=VALUE...]",
      description =
          "Adds each specification once more with these values replaced, under its name and this"
              + " one; may be repeated.")
  List<String> variants = List.of();

  @Option(
      names = "--seeds",
      paramLabel = "N",
      defaultValue = "1",
      description = "Trains each model so often, with training.seed and those after it.")
  int seeds;

  @Option(
      names = "--k",
      split = ",",
      paramLabel = "K",
      description = "Cut-offs; segments are shown at the first (default: ${DEFAULT-VALUE}).",
      defaultValue = "10,50")
  List<Integer> cutoffs = List.of();

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description = "Where trainings are kept; by default in .tandem/compare, by the data.")
  @Nullable Path out;

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description = "Also write one self-contained HTML page with tables, curves and plots.")
  @Nullable Path report;

  @Option(
      names = "--color-by",
      paramLabel = "COLUMN",
      description =
          "Attribute that colours the report's maps of the items (default: that of the first"
              + " categorical feature).")
  @Nullable String colorBy;

  @Mixin JsonOutput output = new JsonOutput();

  @Override
  public Integer call() {
    for (int k : cutoffs) {
      if (k < 1) {
        throw output.wrongCall("--k: expected a number of at least 1, found " + k);
      }
    }
    if (seeds < 1) {
      throw output.wrongCall("--seeds: expected a number of at least 1, found " + seeds);
    }
    List<List<ModelSpec>> models = models();
    try (Dataset dataset = DatasetReader.read(models.get(0).get(0).data())) {
      Path folder = out == null ? defaultFolder(models.get(0).get(0)) : out;
      Comparison comparison = new Comparison(models, dataset, folder);
      // Refused now rather than after hours of training.
      Map<Seen, Evaluator> evaluators = comparison.evaluators(cutoffs);
      List<Optional<ItemColors>> colors = colors(comparison, dataset);
      if (!train(comparison)) {
        output.text().printf("Stopped; the same command continues.%n");
        output.text().flush();
        return Failure.FAILED;
      }
      ComparisonResults results =
          new ComparisonResults(comparison.evaluate(evaluators), evaluators, cutoffs);
      show(results);
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("folder", folder.toString());
      json.putAll(results.json());
      output.json(json);
      if (report != null) {
        page(comparison, results, dataset, colors).write(report);
      }
    }
    return 0;
  }

  /** Each model with all its seeds. */
  private List<List<ModelSpec>> models() {
    List<List<ModelSpec>> models = new ArrayList<>();
    boolean popularity = false;
    for (Path file : specifications) {
      ModelSpec spec = SpecReader.read(file, overrides);
      popularity |= spec.model() instanceof ModelConfig.Popularity;
      models.add(seeded(file, spec, overrides));
      for (String variant : variants) {
        Map<String, String> changed = new LinkedHashMap<>(overrides);
        changed.putAll(variant(variant, spec.name()));
        models.add(seeded(file, SpecReader.read(file, changed), changed));
      }
    }
    if (!popularity) {
      models.add(List.of(Comparison.popularity(models.get(0).get(0))));
    }
    Comparison.check(models.stream().map(all -> all.get(0)).toList());
    return models;
  }

  private List<ModelSpec> seeded(Path file, ModelSpec spec, Map<String, String> values) {
    List<ModelSpec> all = new ArrayList<>(List.of(spec));
    boolean chance = !(spec.model() instanceof ModelConfig.Popularity);
    for (int i = 1; chance && i < seeds; i++) {
      Map<String, String> seeded = new LinkedHashMap<>(values);
      seeded.put("training.seed", Long.toString(spec.training().seed() + i));
      all.add(SpecReader.read(file, seeded));
    }
    return all;
  }

  /** The values that a variant replaces, its name among them. */
  private Map<String, String> variant(String text, String of) {
    Matcher matcher = VARIANT.matcher(text);
    if (!matcher.matches()) {
      throw output.wrongCall("--variant: expected NAME:KEY=VALUE[,KEY=VALUE...], found " + text);
    }
    Map<String, String> values = new LinkedHashMap<>();
    // A comma within a value is not followed by a key.
    for (String setting : matcher.group(2).split(",(?=[A-Za-z0-9_.]+=)", -1)) {
      int equals = setting.indexOf('=');
      values.put(setting.substring(0, equals), setting.substring(equals + 1));
    }
    values.put("name", of + "-" + matcher.group(1));
    return values;
  }

  private static Path defaultFolder(ModelSpec spec) {
    String hash =
        Hashing.sha256().hashString(spec.data().toString(), StandardCharsets.UTF_8).toString();
    return Path.of(".tandem", "compare", hash.substring(0, 12));
  }

  private boolean train(Comparison comparison) {
    PrintWriter console = output.text();
    Comparison.Announcer announcer =
        new Comparison.Announcer() {
          @Override
          public TrainingListener begins(TrainingRun run, int number, int of) {
            say("%s", run, number, of);
            return new ProgressListener(System.out, Terminal.present());
          }

          @Override
          public void skipped(TrainingRun run, int number, int of) {
            say("%s is trained already", run, number, of);
          }

          private void say(String format, TrainingRun run, int number, int of) {
            String name = run.spec().name() + ", seed " + run.spec().training().seed();
            console.printf("[%d/%d] %s%n", number, of, format.formatted(name));
            console.flush();
          }
        };
    return StopHook.during(comparison::stop, () -> comparison.train(announcer));
  }

  private void show(ComparisonResults results) {
    PrintWriter console = output.text();
    console.printf(
        "%nTest set, full corpus, %d queries, %s:%n%n%s",
        results.queries(), meaning(results), results.overview());
    if (!results.differences().isEmpty()) {
      console.printf(
          "%nDifferences, over pairs of the same query:%n%n%s", results.differenceTable());
    }
    int k = cutoffs.get(0);
    console.printf(
        "%nRecall@%d by segment, seen items %s:%n%n%s",
        k, results.segmentedResults().get(0).seenItems(), results.segments(k));
    console.flush();
  }

  private static String meaning(ComparisonResults results) {
    return results.severalSeeds() ? "mean ± deviation over seeds" : "95 % intervals in brackets";
  }

  private List<Optional<ItemColors>> colors(Comparison comparison, Dataset dataset) {
    List<Optional<ItemColors>> colors = new ArrayList<>();
    for (Comparison.Entrant entrant : comparison.entrants()) {
      if (report == null) {
        colors.add(Optional.empty());
      } else if (colorBy != null) {
        colors.add(Optional.of(ItemColors.of(colorBy, entrant.spec(), dataset)));
      } else {
        colors.add(ItemColors.first(entrant.spec(), dataset));
      }
    }
    return colors;
  }

  private Page page(
      Comparison comparison,
      ComparisonResults results,
      Dataset dataset,
      List<Optional<ItemColors>> colors) {
    List<Comparison.Entrant> entrants = comparison.entrants();
    List<String> names = entrants.stream().map(Comparison.Entrant::name).toList();
    Page page = new Page("Tandem: " + String.join(", ", names));
    page.heading("Overview")
        .paragraph(
            "Trained on one split, measured on the same test set, %s.".formatted(meaning(results)))
        .table(results.overview());
    if (results.severalSeeds()) {
      page.table(results.differenceTable()).table(results.segments(cutoffs.get(0)));
      page.paragraph("All that follows is of each model's first seed.");
    }
    Sections.results(
        page, results.results(), results.segmentedResults(), results.modelDifferences());
    Map<String, List<EpochResult>> epochs = new LinkedHashMap<>();
    entrants.forEach(each -> epochs.put(each.name(), each.runs().get(0).outcome().epochs()));
    Sections.training(page, epochs);
    long[] counts =
        ItemCounts.of(dataset.split().train(), dataset.itemKeys().size()).interactions();
    for (int i = 0; i < entrants.size(); i++) {
      if (!(entrants.get(i).spec().model() instanceof ModelConfig.Popularity)) {
        items(page, entrants.get(i), counts, colors.get(i));
      }
    }
    page.heading("Specifications");
    entrants.forEach(each -> page.preformatted(SpecReader.write(each.spec())));
    return page;
  }

  private static void items(
      Page page, Comparison.Entrant entrant, long[] counts, Optional<ItemColors> colors) {
    TrainedEmbeddings embeddings = entrant.runs().get(0).embeddings();
    ItemEmbeddings items =
        new ItemEmbeddings(entrant.name(), embeddings.itemVectors(), embeddings.dim(), counts);
    if (colors.isPresent()) {
      Sections.items(page, items, colors.get().column(), colors.get().values());
    } else {
      Sections.items(page, items);
    }
  }
}
