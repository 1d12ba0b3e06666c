package io.tandem.spark;

import io.tandem.artifact.Version;
import java.util.concurrent.Callable;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "embed",
    mixinStandardHelpOptions = true,
    description =
        "Embeds items with the item tower of a store's current version: Parquet of (key, vector).")
final class EmbedCommand implements Callable<Integer> {
  @Mixin SparkMain.Model model = new SparkMain.Model();

  @Option(
      names = "--items",
      required = true,
      paramLabel = "TABLE",
      description = "Items, with the columns that the specification's item features read.")
  String items = "";

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FOLDER",
      description = "Where the vectors go; what is there is replaced.")
  String out = "";

  @Mixin SparkMain.Input input = new SparkMain.Input();

  @Override
  public Integer call() {
    Version version = model.version();
    SparkSession spark = SparkMain.session();
    ItemEmbedding.embed(
            input.read(spark, items),
            input.key(version.manifest().itemKey()),
            model.files(spark, version))
        .write()
        .mode(SaveMode.Overwrite)
        .parquet(out);
    System.out.printf(
        "%s: %,d items embedded by version %s%n",
        out, spark.read().parquet(out).count(), version.id());
    return 0;
  }
}
