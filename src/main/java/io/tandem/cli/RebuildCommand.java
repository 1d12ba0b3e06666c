package io.tandem.cli;

import io.tandem.artifact.Manifest.Gate;
import io.tandem.artifact.Store;
import io.tandem.rebuild.Rebuild;
import io.tandem.rebuild.RebuildResult;
import io.tandem.rebuild.RebuildResult.Outcome;
import io.tandem.training.ProgressListener;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
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
      names = "--train",
      description = "Train new towers first, beginning with what the current ones learned.")
  boolean train;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads to encode and embed on; by default one for each core.")
  int threads;

  @Mixin RebuildOptions options = new RebuildOptions();

  @Mixin JsonOutput output = new JsonOutput();

  @Override
  public Integer call() {
    Store store = argument.open();
    PrintWriter out = output.text();
    boolean terminal = Boolean.getBoolean("tandem.terminal");
    Rebuild rebuild = told(Rebuild.of(store), terminal);
    RebuildResult result;
    try (RebuildProgress progress = new RebuildProgress(out, terminal)) {
      result = rebuild.listener(progress).run();
    }
    show(result, out);
    output.json(result);
    return result.outcome() == Outcome.PUBLISHED ? 0 : Failure.FAILED;
  }

  private Rebuild told(Rebuild rebuild, boolean terminal) {
    options.tell(rebuild);
    if (train) {
      rebuild.train(new ProgressListener(System.out, terminal));
    }
    if (threads < 0) {
      throw output.wrongCall("--threads: expected a number of at least 1, found " + threads);
    }
    if (threads > 0) {
      rebuild.threads(threads);
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
