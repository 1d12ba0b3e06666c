package io.tandem.spark;

import io.tandem.artifact.Manifest.Gate;
import io.tandem.artifact.Store;
import io.tandem.cli.RebuildOptions;
import io.tandem.rebuild.Rebuild;
import io.tandem.rebuild.RebuildResult;
import io.tandem.rebuild.RebuildResult.Outcome;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
      names = "--shards",
      defaultValue = "8",
      paramLabel = "NUMBER",
      description = "Parts to build at a time; default ${DEFAULT-VALUE}.")
  int shards = 8;

  @Mixin RebuildOptions options = new RebuildOptions();

  @Override
  public Integer call() {
    Rebuild rebuild = Rebuild.of(Store.open(store));
    options.tell(rebuild);
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
}
