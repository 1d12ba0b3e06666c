package io.tandem.spark;

import io.tandem.artifact.Version;
import java.util.concurrent.Callable;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "retrieve",
    mixinStandardHelpOptions = true,
    description =
        "Finds the best items of every query in a store's current version: Parquet of (query,"
            + " rank, item, score). Every executor opens the version once.")
final class RetrieveCommand implements Callable<Integer> {
  @Mixin SparkMain.Model model = new SparkMain.Model();

  @Option(
      names = "--queries",
      required = true,
      paramLabel = "TABLE",
      description =
          "Queries, with the columns that the specification's query features read; sequences by"
              + " the feature's name, as arrays. Known queries bring their stored history unless"
              + " the table has one.")
  String queries = "";

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FOLDER",
      description = "Where the hits go; what is there is replaced.")
  String out = "";

  @Option(
      names = "-k",
      defaultValue = "10",
      paramLabel = "ITEMS",
      description = "Items for each query; default ${DEFAULT-VALUE}.")
  int k = 10;

  @Option(names = "--exclude-seen", description = "Leave out what a query touched before.")
  boolean excludeSeen;

  @Option(
      names = "--filter",
      defaultValue = "",
      paramLabel = "CONDITION",
      description = "Only items that satisfy it, such as \"genres = 'Drama' and year >= 1990\".")
  String filter = "";

  @Mixin SparkMain.Input input = new SparkMain.Input();

  @Override
  public Integer call() {
    Version version = model.version();
    BulkRetrieval.Request request =
        new BulkRetrieval.Request(
            k, excludeSeen ? BulkRetrieval.Seen.EXCLUDED : BulkRetrieval.Seen.KEPT, filter);
    SparkSession spark = SparkMain.session();
    BulkRetrieval.retrieve(
            input.read(spark, queries),
            input.key(version.manifest().queryKey()),
            model.files(spark, version),
            request)
        .write()
        .mode(SaveMode.Overwrite)
        .parquet(out);
    System.out.printf(
        "%s: %,d hits from version %s%n", out, spark.read().parquet(out).count(), version.id());
    return 0;
  }
}
