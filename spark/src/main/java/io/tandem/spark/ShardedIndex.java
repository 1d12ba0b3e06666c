package io.tandem.spark;

import static io.tandem.spark.ItemEmbedding.KEY;
import static io.tandem.spark.ItemEmbedding.VECTOR;
import static org.apache.spark.sql.functions.col;

import io.tandem.config.IndexConfig;
import io.tandem.data.DataException;
import io.tandem.data.KeyTable;
import io.tandem.index.BuiltIndex;
import io.tandem.index.faiss.IndexShards;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.ForeachPartitionFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * An index built from embedded items, one FAISS shard for each partition, merged into one. Rows are
 * in the order of the items' keys, whatever the partitions: the same vectors give the same index.
 *
 * <p>Shards go through a folder that every machine sees at the same path. A shard gets its name
 * once it is whole, so that a task that is tried again, or twice at a time, does no harm.
 */
public final class ShardedIndex {
  /** Vectors added to a shard together. */
  private static final int CHUNK = 8192;

  private static final long SEED = 7;

  private ShardedIndex() {}

  /**
   * The result.
   *
   * @param keys of the items, by row of the index
   * @param index belongs to the receiver
   */
  public record Built(KeyTable keys, BuiltIndex index) {}

  /**
   * Builds shards on the executors and merges them on the driver, which holds the index and every
   * whole vector while it measures recall.
   *
   * @param vectors rows of (key, vector) as {@link ItemEmbedding} gives; read several times
   * @param config a type that merges: flat, ivf_flat, ivf_sq8 or ivf_fp16
   * @param shards at least 1
   * @param folder that every machine sees; its shards of an earlier build are replaced
   * @param queries [n × dimension] to measure recall with; where n is 0, vectors stand in for them
   * @throws DataException if there is no vector, a key occurs twice, or vectors differ in width
   */
  public static Built build(
      Dataset<Row> vectors, IndexConfig config, int shards, Path folder, float[] queries, int n) {
    int total = Math.toIntExact(vectors.count());
    if (total == 0) {
      throw new DataException("expected at least 1 embedded item, found none");
    }
    int dimension = vectors.first().<Float>getList(vectors.first().fieldIndex(VECTOR)).size();
    IndexShards parts = new IndexShards(dimension, config, total);
    Path trained = folder.resolve("trained.faiss");
    train(parts, vectors, dimension, total, trained);
    clear(folder);
    vectors
        .select(col(KEY), col(VECTOR))
        .repartitionByRange(shards, col(KEY))
        .sortWithinPartitions(col(KEY))
        .foreachPartition(
            new BuildShard(dimension, total, config.type(), config.metric(), folder.toString()));
    return merge(parts, folder, total, queries, n);
  }

  private static void train(
      IndexShards parts, Dataset<Row> vectors, int dimension, int total, Path trained) {
    int wanted = Math.max(1, Math.min(total, parts.trainingRows()));
    // A sample has about the size that is asked for: a few more, cut off after.
    double fraction = Math.min(1, 1.05 * wanted / total + 1e-6);
    List<Row> sample =
        new ArrayList<>(
            (fraction == 1 ? vectors : vectors.sample(false, fraction, SEED))
                .select(col(KEY), col(VECTOR))
                .limit(wanted)
                .collectAsList());
    sample.sort(Comparator.comparing(row -> row.getString(0)));
    try {
      Files.createDirectories(trained.getParent());
      parts.train(floats(sample, dimension), sample.size(), trained);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write to " + trained.getParent(), e);
    }
  }

  private static Built merge(IndexShards parts, Path folder, int total, float[] queries, int n) {
    KeyTable.Builder keys = new KeyTable.Builder();
    List<Path> files = shardFiles(folder, ".faiss");
    for (Path file : files) {
      String name = file.getFileName().toString().replace(".faiss", ".keys");
      KeyTable part = KeyTable.open(file.resolveSibling(name));
      for (int row = 0; row < part.size(); row++) {
        keys.add(part.key(row));
      }
    }
    if (keys.size() != total) {
      throw new DataException(
          "%s: expected shards of %d items, found %d".formatted(folder, total, keys.size()));
    }
    return new Built(keys.build(), parts.merge(files, queries, n));
  }

  private static void clear(Path folder) {
    for (String ending : List.of(".faiss", ".keys", ".flat")) {
      for (Path file : shardFiles(folder, ending)) {
        delete(file);
      }
    }
  }

  /** Files of shards by their numbers. */
  private static List<Path> shardFiles(Path folder, String ending) {
    try (var files = Files.list(folder)) {
      return files
          .filter(file -> file.getFileName().toString().matches("shard-\\d+.*"))
          .filter(file -> file.getFileName().toString().endsWith(ending))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder, e);
    }
  }

  private static void delete(Path file) {
    try {
      Files.delete(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot remove " + file, e);
    }
  }

  /** [rows × dimension] of rows of (key, vector). */
  static float[] floats(List<Row> rows, int dimension) {
    float[] vectors = new float[rows.size() * dimension];
    int at = 0;
    for (Row row : rows) {
      List<Float> vector = row.getList(1);
      if (vector.size() != dimension) {
        throw new DataException(
            "item '%s': expected a vector of dimension %d, found %d"
                .formatted(row.getString(0), dimension, vector.size()));
      }
      for (float value : vector) {
        vectors[at++] = value;
      }
    }
    return vectors;
  }

  /** What runs on the executors. */
  record BuildShard(
      int dimension, int total, IndexConfig.Type type, IndexConfig.Metric metric, String folder)
      implements ForeachPartitionFunction<Row> {
    @Override
    public void call(Iterator<Row> rows) throws IOException {
      if (!rows.hasNext()) {
        return;
      }
      Path into = Path.of(folder);
      String name = String.format("shard-%06d", TaskContext.getPartitionId());
      Path attempt = into.resolve("attempt-" + name + "-" + TaskContext.get().taskAttemptId());
      IndexConfig config = IndexConfig.of(type).withMetric(metric);
      KeyTable.Builder keys = new KeyTable.Builder();
      try (IndexShards.Shard shard =
          new IndexShards(dimension, config, total).shard(into.resolve("trained.faiss"))) {
        while (rows.hasNext()) {
          List<Row> chunk = Chunks.next(rows, CHUNK);
          for (Row row : chunk) {
            int before = keys.size();
            if (keys.add(row.getString(0)) != before) {
              throw new DataException(
                  "expected each key once, found '%s' more often".formatted(row.getString(0)));
            }
          }
          shard.add(floats(chunk, dimension), chunk.size());
        }
        shard.write(attempt);
      }
      keys.build().write(attempt.resolveSibling(attempt.getFileName() + ".keys"));
      move(attempt, ".keys", into.resolve(name + ".keys"));
      if (Files.exists(attempt.resolveSibling(attempt.getFileName() + ".flat"))) {
        move(attempt, ".flat", into.resolve(name + ".faiss.flat"));
      }
      // The last: a shard counts once this is there.
      move(attempt, "", into.resolve(name + ".faiss"));
    }

    private static void move(Path attempt, String ending, Path to) throws IOException {
      Files.move(
          attempt.resolveSibling(attempt.getFileName() + ending),
          to,
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    }
  }
}
