package io.tandem.spark;

import io.tandem.artifact.Manifest.Gate;
import io.tandem.artifact.Store;
import io.tandem.rebuild.Rebuild;
import io.tandem.rebuild.RebuildResult;
import io.tandem.rebuild.RebuildResult.Outcome;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "rebuild",
    mixinStandardHelpOptions = true,
    description =
        "What 'tandem rebuild' does, with vectors that embed wrote and an index built in shards, one"
            + " for each partition, and merged: the same version, gates and reports.",
    footer = {
      "",
      "The driver reads the catalogue and holds the merged index and all vectors. Types whose shards",
      "can be merged are flat, ivf_flat, ivf_sq8 and ivf_fp16; others are refused before any work.",
      "",
      "  embed store --items items.parquet --out vectors",
      "  rebuild store --items items.parquet --vectors vectors --work /shared/work \\",
      "    --set index.type=ivf_sq8"
    })
final class RebuildCommand implements Callable<Integer> {
  @Parameters(paramLabel = "STORE", description = "Store whose current version is rebuilt.")
  Path store = Path.of("");

  @Option(
      names = "--vectors",
      required = true,
      paramLabel = "FOLDER",
      description = "What embed wrote of the same items, with the current version.")
  String vectors = "";

  @Option(
      names = "--work",
      required = true,
      paramLabel = "FOLDER",
      description = "Where shards go; every machine sees it at the same path.")
  Path work = Path.of("");

  @Option(
      names = "--items",
      paramLabel = "FILE",
      description = "Read the items from this file, of the same columns, instead.")
  @Nullable Path items;

  @Option(
      names = "--shards",
      defaultValue = "8",
      paramLabel = "NUMBER",
      description = "Parts to build at a time; default ${DEFAULT-VALUE}.")
  int shards = 8;

  @Option(
      names = "--keep",
      paramLabel = "N",
      description = "Versions to keep; by default rebuild.keep of the specification.")
  int keep;

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

  @Override
  public Integer call() {
    Rebuild rebuild = options(Rebuild.of(Store.open(store)));
    rebuild.on(
        new ShardedIndex(
            () -> SparkMain.session().read().parquet(vectors), shards, work.resolve("shards")));
    RebuildResult result = rebuild.run();
    for (Gate gate : result.refused()) {
      System.out.printf(
          "Gate %s refused: expected %s, found %s.%n", gate.name(), gate.expected(), gate.found());
    }
    System.out.printf(
        "%s: %s %s%n",
        result.store(),
        result.outcome() == Outcome.PUBLISHED ? "published" : "refused, kept as candidate",
        result.version());
    return result.outcome() == Outcome.PUBLISHED ? 0 : 1;
  }

  private Rebuild options(Rebuild rebuild) {
    overrides.forEach(rebuild::set);
    if (items != null) {
      rebuild.items(items);
    }
    if (keep > 0) {
      rebuild.keep(keep);
    }
    if (metrics != null) {
      rebuild.metrics(metrics);
    }
    String reason = why;
    if (forced.isEmpty() != (reason == null || reason.isBlank())) {
      throw new IllegalArgumentException("--force and --why: expected both or none of them");
    }
    forced.forEach(gate -> rebuild.force(gate, String.valueOf(reason)));
    return rebuild;
  }
}
