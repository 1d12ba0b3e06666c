package io.tandem.cli;

import io.tandem.artifact.Reindexing;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "index",
    mixinStandardHelpOptions = true,
    description =
        "Shows the index of a version and what its recall costs; with --set, builds another over"
            + " the same item vectors and publishes it as a new version.",
    footer = {
      "",
      "Recall is the share of the exact top k that the index finds, for queries that had no part in",
      "choosing its settings. Work is counted in comparisons of a scan over all vectors ('of exact':",
      "as a share of that scan), so that the same data give the same figures on every machine.",
      "",
      "  tandem index store --report index.html",
      "  tandem index store --set index.type=hnsw --set index.min_recall=0.99",
      "  tandem index store --memory-limit 500MB        # 'tandem rollback store' takes it back"
    })
final class IndexCommand implements Callable<Integer> {
  private static final String SECTION = "index";
  private static final String MEMORY_LIMIT = "index.memory_limit";

  @Mixin StoreArgument argument = new StoreArgument();

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "VERSION",
      description = "Another than the current version.")
  @Nullable String versionId;

  @Option(
      names = "--set",
      paramLabel = "index.KEY=VALUE",
      description = "Builds another index: replaces a value of the specification; may be repeated.")
  Map<String, String> overrides = new LinkedHashMap<>();

  @Option(
      names = "--memory-limit",
      paramLabel = "BYTES",
      description =
          "Builds an index that takes no more memory when open, such as 500MB; short for --set "
              + MEMORY_LIMIT
              + "=BYTES.")
  @Nullable String memoryLimit;

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description = "Also write one self-contained HTML page with tables and the trade-off curve.")
  @Nullable Path report;

  @Mixin JsonOutput output = new JsonOutput();

  @Override
  public Integer call() {
    Store store = argument.open();
    Version version = versionId == null ? store.current() : store.version(versionId);
    Map<String, String> changes = changes();
    if (changes.isEmpty()) {
      return show(new IndexFigures(version));
    }
    ModelSpec spec = SpecReader.read(version.spec(), changes);
    Version published = rebuild(store, version, spec);
    PrintWriter out = output.text();
    out.printf(
        Locale.ROOT,
        "Published %s in %s:%n%s%n",
        published.id(),
        store.folder(),
        IndexFigures.summary(List.of(new IndexFigures(version), new IndexFigures(published))));
    return show(new IndexFigures(published));
  }

  private Map<String, String> changes() {
    Map<String, String> changes = new LinkedHashMap<>(overrides);
    for (String key : overrides.keySet()) {
      if (!key.equals(SECTION) && !key.startsWith(SECTION + ".")) {
        throw output.wrongCall(
            "--set: expected a key of the specification's index section, such as index.type, found '%s'"
                .formatted(key));
      }
    }
    if (memoryLimit != null && changes.put(MEMORY_LIMIT, memoryLimit) != null) {
      throw output.wrongCall("expected either --memory-limit or --set " + MEMORY_LIMIT);
    }
    return changes;
  }

  private static Version rebuild(Store store, Version version, ModelSpec spec) {
    return StopHook.interrupting(
        () -> {
          try (IndexProgress progress = IndexProgress.shown()) {
            return Reindexing.publish(store, version, spec, progress);
          }
        });
  }

  private int show(IndexFigures figures) {
    PrintWriter out = output.text();
    out.printf("%s%n%n%s", figures.headline(), IndexFigures.summary(List.of(figures)));
    if (figures.wasTuned()) {
      out.printf(
          "%nSettings tried with half of %d queries, * the one in use:%n%n%s",
          figures.queries(), figures.curve());
    }
    if (figures.wasChosen()) {
      out.printf("%nTypes considered:%n%n%s", figures.considered());
    }
    out.flush();
    output.json(figures.json());
    if (report != null) {
      figures.page().write(report);
    }
    return 0;
  }
}
