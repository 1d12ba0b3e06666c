package io.tandem.cli;

import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
import io.tandem.baseline.Popularity;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.evaluation.ConstantRanker;
import io.tandem.evaluation.EmbeddingRanker;
import io.tandem.evaluation.HeldOut;
import io.tandem.evaluation.HeldOut.Seen;
import io.tandem.evaluation.ItemCounts;
import io.tandem.evaluation.Metrics;
import io.tandem.evaluation.PopularityBias;
import io.tandem.evaluation.Ranker;
import io.tandem.evaluation.Ranking;
import io.tandem.feature.FeatureBatch;
import io.tandem.report.Curves;
import io.tandem.report.Page;
import io.tandem.report.Table;
import io.tandem.training.EpochResult;
import io.tandem.training.EvaluationQueries;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    description =
        "Ranks the whole corpus for every query of the test set, with the current version of a"
            + " store and, beside it, by popularity.",
    footer = {
      "",
      "Seen items are those of training and validation. 'top 1 %%' is the share of recommendations",
      "that go to the most popular 1 %% of items, 'coverage' the share of items ever recommended.",
      "",
      "  tandem evaluate store --k 10,50 --report report.html"
    })
final class EvaluateCommand implements Callable<Integer> {

  @Mixin StoreArgument argument = new StoreArgument();

  @Option(
      names = "--k",
      split = ",",
      paramLabel = "K",
      description = "Cut-offs (default: ${DEFAULT-VALUE}).",
      defaultValue = "10,50")
  List<Integer> cutoffs = List.of();

  @Option(
      names = "--version-id",
      paramLabel = "ID",
      description = "Another than the current version.")
  @Nullable String versionId;

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description = "Also write one self-contained HTML page with tables and curves.")
  @Nullable Path report;

  @Mixin JsonOutput output = new JsonOutput();

  /** One row of the result. */
  record Figures(String model, String seenItems, Metrics metrics, PopularityBias popularityBias) {}

  @Override
  public Integer call() {
    for (int k : cutoffs) {
      if (k < 1) {
        throw output.wrongCall("--k: expected a number of at least 1, found " + k);
      }
    }
    Store store = argument.open();
    var version = versionId == null ? store.current() : store.version(versionId);
    ModelSpec spec = SpecReader.read(version.spec(), Map.of());
    List<Figures> figures = new ArrayList<>();
    try (Dataset dataset = DatasetReader.read(spec.data());
        OpenVersion open = version.open()) {
      for (Seen seen : Seen.values()) {
        HeldOut test = HeldOut.test(dataset, seen);
        String seenItems = seen.name().toLowerCase(Locale.ROOT);
        measure(spec.name(), seenItems, ranker(open, test, dataset), test, dataset, figures);
        float[] counts = Popularity.scores(dataset.split().train(), dataset.itemKeys().size());
        measure("popularity", seenItems, new ConstantRanker(counts), test, dataset, figures);
      }
    }
    show(store, version.id(), spec, figures);
    return 0;
  }

  private void measure(
      String model,
      String seenItems,
      Ranker ranker,
      HeldOut test,
      Dataset dataset,
      List<Figures> figures) {
    int most = cutoffs.stream().mapToInt(Integer::intValue).max().orElse(10);
    int[][] lists = Ranking.top(ranker, test.question(), most);
    ItemCounts counts = ItemCounts.of(dataset.split().train(), dataset.itemKeys().size());
    for (int k : cutoffs) {
      figures.add(
          new Figures(
              model,
              seenItems,
              Metrics.of(lists, test.question().relevant(), k),
              PopularityBias.of(lists, counts, k)));
    }
  }

  /** Scores of the published embeddings, items in the data set's order. */
  private static Ranker ranker(OpenVersion open, HeldOut test, Dataset dataset) {
    int dim = open.version().manifest().dimension();
    int items = dataset.itemKeys().size();
    float[] itemVectors = new float[items * dim];
    float[] vector = new float[dim];
    for (int item = 0; item < items; item++) {
      int row = open.items().indexOf(dataset.itemKeys().key(item));
      if (row >= 0) {
        open.index().vector(row, vector);
        System.arraycopy(vector, 0, itemVectors, item * dim, dim);
      }
    }
    OpenVersion.QuerySide querySide = open.querySide();
    float[] queryVectors = new float[test.queries().length * dim];
    if (querySide == null) {
      java.util.Arrays.fill(queryVectors, 1);
    } else {
      FeatureBatch batch = EvaluationQueries.encode(test, dataset, querySide.features());
      querySide.tower().embedAll(batch, Runtime.getRuntime().availableProcessors(), queryVectors);
    }
    return new EmbeddingRanker(queryVectors, itemVectors, dim);
  }

  private void show(Store store, String version, ModelSpec spec, List<Figures> figures) {
    PrintWriter out = output.text();
    Table table =
        new Table(
            "model",
            "seen items",
            "k",
            "recall",
            "NDCG",
            "MRR",
            "hit rate",
            "top 1 %",
            "top 10 %",
            "coverage",
            "Gini");
    for (Figures row : figures) {
      Metrics m = row.metrics();
      PopularityBias b = row.popularityBias();
      table.row(
          row.model(),
          row.seenItems(),
          m.k(),
          m.recall(),
          m.ndcg(),
          m.mrr(),
          m.hitRate(),
          b.top1Percent(),
          b.top10Percent(),
          b.coverage(),
          b.gini());
    }
    out.printf(
        "%nTest set, full corpus, %d queries, version %s:%n%n%s",
        figures.get(0).metrics().queries(), version, table);
    out.flush();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("store", store.folder().toString());
    result.put("version", version);
    result.put("results", figures);
    output.json(result);
    if (report != null) {
      page(store, version, spec, table).write(report);
    }
  }

  private static Page page(Store store, String version, ModelSpec spec, Table table) {
    Page page =
        new Page("Tandem: " + spec.name())
            .paragraph("Version " + version)
            .heading("Test set, full corpus")
            .table(table);
    List<EpochResult> epochs = TrainingFolder.readHistory(store);
    if (!epochs.isEmpty()) {
      page.heading("Training");
      double[] x = epochs.stream().mapToDouble(EpochResult::epoch).toArray();
      double[] losses = epochs.stream().mapToDouble(EpochResult::loss).toArray();
      page.curves(new Curves("Loss", "epoch", "in-batch softmax").add("training", x, losses));
      List<EpochResult> validated = new ArrayList<>();
      List<Metrics> metrics = new ArrayList<>();
      for (EpochResult epoch : epochs) {
        Metrics validation = epoch.validation();
        if (validation != null) {
          validated.add(epoch);
          metrics.add(validation);
        }
      }
      if (!validated.isEmpty()) {
        int k = metrics.get(0).k();
        double[] at = validated.stream().mapToDouble(EpochResult::epoch).toArray();
        page.curves(
            new Curves("Validation", "epoch", "at " + k)
                .add("recall", at, metrics.stream().mapToDouble(Metrics::recall).toArray())
                .add("NDCG", at, metrics.stream().mapToDouble(Metrics::ndcg).toArray()));
      }
    }
    return page.heading("Specification").preformatted(io.tandem.config.SpecReader.write(spec));
  }
}
