package io.tandem.cli;

import io.tandem.artifact.Manifest.Gate;
import io.tandem.artifact.Store;
import io.tandem.rebuild.Rebuild;
import io.tandem.rebuild.RebuildResult;
import io.tandem.rebuild.RebuildResult.Outcome;
import io.tandem.training.ProgressListener;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "rebuild",
    mixinStandardHelpOptions = true,
    description =
        "Embeds the newest items with a store's current towers, indexes them, proves that the"
            + " result is good, and publishes it under the services that use the store.",
    footer = {
      "",
      "Items and interactions come from the specification that the current version carries. A gate",
      "that refuses leaves the current version alone, keeps what was built in STORE/candidates, and",
      "ends with status 1. A job that was killed is continued by the next. What each run came to is",
      "in STORE/rebuilds/RUN/report.html and report.json.",
      "",
      "Gates: size, missing, finite, zero, equal, norm_drift, dimensions, index_recall,",
      "model_match, quality, overlap, latency; their limits are rebuild.gates of the specification.",
      "",
      "  tandem rebuild store --items items.parquet --metrics /var/lib/node_exporter/tandem.prom",
      "  tandem rebuild store --set rebuild.gates.min_size=0.5",
      "  tandem rebuild store --force size --why 'half of the catalogue was retired, OPS-1234'"
    })
final class RebuildCommand implements Callable<Integer> {

  @Mixin StoreArgument argument = new StoreArgument();

  @Option(
      names = "--items",
      paramLabel = "FILE",
      description = "Read the items from this file, of the same columns, instead.")
  @Nullable Path items;

  @Option(
      names = "--train",
      description = "Train new towers first, beginning with what the current ones learned.")
  boolean train;

  @Option(
      names = "--keep",
      paramLabel = "N",
      description = "Versions to keep; by default rebuild.keep of the specification.")
  int keep;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads to encode and embed on; by default one for each core.")
  int threads;

  @Option(
      names = "--force",
      paramLabel = "GATE",
      description = "Publish although this gate refuses; may be repeated. Needs --why.")
  List<String> forced = List.of();

  @Option(
      names = "--why",
      paramLabel = "TEXT",
      description = "Why a gate is overruled; kept in the version's manifest.")
  @Nullable String why;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Replaces a value of the specification; may be repeated.")
  Map<String, String> overrides = new LinkedHashMap<>();

  @Option(
      names = "--metrics",
      paramLabel = "FILE",
      description = "Write figures in Prometheus' text format, for the node exporter's textfiles.")
  @Nullable Path metrics;

  @Mixin JsonOutput output = new JsonOutput();

  @Override
  public Integer call() {
    Store store = argument.open();
    PrintWriter out = output.text();
    boolean terminal = Boolean.getBoolean("tandem.terminal");
    Rebuild rebuild = options(Rebuild.of(store), terminal);
    RebuildResult result;
    try (RebuildProgress progress = new RebuildProgress(out, terminal)) {
      result = rebuild.listener(progress).run();
    }
    show(result, out);
    output.json(result);
    return result.outcome() == Outcome.PUBLISHED ? 0 : Failure.FAILED;
  }

  private Rebuild options(Rebuild rebuild, boolean terminal) {
    overrides.forEach(rebuild::set);
    if (items != null) {
      rebuild.items(items);
    }
    if (train) {
      rebuild.train(new ProgressListener(System.out, terminal));
    }
    if (keep < 0 || threads < 0) {
      throw output.wrongCall("--keep, --threads: expected numbers of at least 1");
    }
    if (keep > 0) {
      rebuild.keep(keep);
    }
    if (threads > 0) {
      rebuild.threads(threads);
    }
    if (metrics != null) {
      rebuild.metrics(metrics);
    }
    String reason = why;
    if (forced.isEmpty() != (reason == null || reason.isBlank())) {
      throw output.wrongCall("--force and --why: expected both or none of them");
    }
    for (String gate : forced) {
      rebuild.force(gate, String.valueOf(reason));
    }
    return rebuild;
  }

  private static void show(RebuildResult result, PrintWriter out) {
    for (Gate gate : result.refused()) {
      out.printf(
          "Gate %s refused: expected %s, found %s.%n", gate.name(), gate.expected(), gate.found());
    }
    if (result.outcome() == Outcome.PUBLISHED) {
      out.printf("Published %s in %s.%n", result.version(), result.store());
    } else {
      out.printf(
          "Nothing was published: %s stays current; what was built is candidate %s.%n",
          result.before(), result.version());
    }
    out.printf("Report: %s%n", Path.of(result.store(), "rebuilds", result.run(), "report.html"));
    out.flush();
  }
}
