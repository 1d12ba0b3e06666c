package io.tandem.training;

import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

/**
 * How many examples a second become batches, with nothing trained on them?
 *
 * <p>A million queries and a million items of eight single-valued features each, encoded once;
 * examples are interactions in random order, candidates the batch's own items. Batches are taken as
 * fast as they come, so that the time between two is what assembling one takes. Medians over
 * batches. Nothing is packed for a GPU.
 *
 * <pre>scripts/bench.sh io.tandem.training.BatchBenchmark [ENTITIES] [BATCHES]</pre>
 */
public final class BatchBenchmark {
  private static final int[] SIZES = {4_096, 16_384, 65_536};
  private static final double WARM_UP_SECONDS = 5;

  private BatchBenchmark() {}

  /** Prints a row for each size of batch. */
  public static void main(String[] arguments) throws IOException, SQLException {
    int entities = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1_000_000;
    int batches = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 60;
    Path folder = Files.createTempDirectory("tandem-bench");
    try {
      write(folder, entities);
      ModelSpec spec = spec(folder, SIZES[0]);
      try (Dataset dataset = DatasetReader.read(spec.data())) {
        Features features = Features.fit(spec.features(), spec.data(), dataset);
        FeatureBatch items = features.items().encodeAll(dataset.items());
        System.out.printf(
            Locale.ROOT,
            "%,d queries and items, %d processors%n%8s %12s %14s%n",
            entities,
            Runtime.getRuntime().availableProcessors(),
            "batch",
            "ms a batch",
            "examples/s");
        for (int size : SIZES) {
          double seconds = seconds(spec(folder, size), dataset, features, items, batches);
          System.out.printf(
              Locale.ROOT, "%,8d %12.2f %,14.0f%n", size, seconds * 1e3, size / seconds);
        }
      }
    } finally {
      for (String file : new String[] {"events", "queries", "items"}) {
        Files.deleteIfExists(folder.resolve(file + ".parquet"));
      }
      Files.deleteIfExists(folder.resolve("spec.yaml"));
      Files.delete(folder);
    }
  }

  private static double seconds(
      ModelSpec spec, Dataset dataset, Features features, FeatureBatch items, int batches) {
    CandidateSampler sampler =
        new CandidateSampler(
            spec.training().loss(), dataset.split().train(), dataset.itemKeys().size());
    double[] times = new double[batches];
    try (Batcher batcher =
        new Batcher(
            spec, dataset, features, features.events(dataset), items, sampler, batch -> {})) {
      long begin = System.nanoTime();
      int measured = 0;
      for (int number = 0; measured < batches; number++) {
        long start = System.nanoTime();
        batcher.get(1 + number / batcher.stepsPerEpoch(), number % batcher.stepsPerEpoch());
        long end = System.nanoTime();
        if ((end - begin) / 1e9 > WARM_UP_SECONDS) {
          times[measured++] = (end - start) / 1e9;
        }
      }
    }
    Arrays.sort(times);
    return times[batches / 2];
  }

  private static ModelSpec spec(Path folder, int batch) throws IOException {
    String features =
        """
              - {name: id, type: id}
              - {name: f1, type: id, dim: 8}
              - {name: f2, type: id, dim: 8}
              - {name: f3, type: id, dim: 8}
              - {name: f4, type: id, dim: 8}
              - {name: f5, type: id, dim: 8}
              - {name: f6, type: id, dim: 8}
              - {name: f7, type: id, dim: 8}
        """;
    String yaml =
        """
        data:
          interactions: {path: events.parquet, query: query, item: item}
          queries: {path: queries.parquet, key: query}
          items: {path: items.parquet, key: item}
          split: {type: leave_last_out}
        features:
          query:
        %s  item:
        %smodel: {type: two_tower, dim: 16}
        training: {loss: in_batch_softmax, batch: %d, examples: interactions}
        """
            .formatted(
                features.replace("name: id", "name: query"),
                features.replace("name: id", "name: item"),
                batch);
    return SpecReader.read(Files.writeString(folder.resolve("spec.yaml"), yaml), Map.of());
  }

  /** Four interactions a query on average, features of 10 to 70 values. */
  private static void write(Path folder, int entities) throws SQLException {
    try (Connection duckdb = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = duckdb.createStatement()) {
      for (String key : new String[] {"query", "item"}) {
        StringBuilder columns = new StringBuilder("range AS " + key);
        for (int feature = 1; feature < 8; feature++) {
          columns.append(", hash(range * 8 + %1$d) %% %1$d0 AS f%1$d".formatted(feature));
        }
        Path file = folder.resolve(key.equals("item") ? "items.parquet" : "queries.parquet");
        statement.execute(
            "COPY (SELECT %s FROM range(%d)) TO '%s'".formatted(columns, entities, file));
      }
      statement.execute(
          """
          COPY (SELECT hash(range * 2) %% %1$d AS query, hash(range * 2 + 1) %% %1$d AS item
          FROM range(%2$d)) TO '%3$s'"""
              .formatted(entities, 4L * entities, folder.resolve("events.parquet")));
    }
  }
}
