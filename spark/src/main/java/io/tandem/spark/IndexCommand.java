package io.tandem.spark;

import io.tandem.config.IndexConfig;
import io.tandem.config.SpecReader;
import io.tandem.data.KeyTable;
import io.tandem.index.BuiltIndex;
import io.tandem.index.faiss.FaissIndex;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "index",
    mixinStandardHelpOptions = true,
    description =
        "Builds the index that a store's specification asks for from embedded items, one shard for"
            + " each partition, and merges them: items.faiss, a plain FAISS file, and items.keys.",
    footer = {
      "",
      "Types that merge are flat, ivf_flat, ivf_sq8 and ivf_fp16: --set index.type=ivf_flat"
    })
final class IndexCommand implements Callable<Integer> {
  @Mixin SparkMain.Model model = new SparkMain.Model();

  @Option(
      names = "--vectors",
      required = true,
      paramLabel = "FOLDER",
      description = "What embed wrote.")
  String vectors = "";

  @Option(
      names = "--shards",
      defaultValue = "8",
      paramLabel = "NUMBER",
      description = "Parts to build at a time; default ${DEFAULT-VALUE}.")
  int shards = 8;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FOLDER",
      description = "Where shards and index go; every machine sees it at the same path.")
  Path out = Path.of("");

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Replaces a value of the specification; may be repeated.")
  Map<String, String> overrides = new LinkedHashMap<>();

  @Override
  public Integer call() throws IOException {
    IndexConfig config = SpecReader.read(model.version().spec(), overrides).index();
    SparkSession spark = SparkMain.session();
    Dataset<Row> embedded = spark.read().parquet(vectors);
    Path folder = Files.createDirectories(out).toAbsolutePath();
    ShardedIndex.Built built =
        ShardedIndex.build(embedded, config, shards, folder.resolve("shards"), new float[0], 0);
    write(built, folder);
    BuiltIndex index = built.index();
    System.out.printf(
        Locale.ROOT,
        "%s: %,d items, index %s with recall@%d %.4f %s%n",
        folder,
        built.keys().size(),
        index.type(),
        index.recallAt(),
        index.recall(),
        index.parameters());
    return 0;
  }

  private static void write(ShardedIndex.Built built, Path folder) {
    KeyTable keys = built.keys();
    try (FaissIndex index = (FaissIndex) built.index().index()) {
      index.write(folder.resolve("items.faiss"));
    }
    keys.write(folder.resolve("items.keys"));
  }
}
