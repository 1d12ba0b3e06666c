package io.tandem.spark;

import io.tandem.config.IndexConfig;
import io.tandem.data.DataException;
import io.tandem.data.KeyTable;
import io.tandem.index.faiss.IndexShards;
import io.tandem.rebuild.Cluster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.ForeachPartitionFunction;
import org.apache.spark.sql.Row;

/**
 * Builds the shard of one partition, on an executor. A shard gets its name once it is whole, so
 * that a task that is tried again, or twice at a time, does no harm.
 *
 * @param total items of the whole catalogue
 * @param folder that every machine sees
 */
record BuildShard(
    int dimension, int total, IndexConfig.Type type, IndexConfig.Metric metric, String folder)
    implements ForeachPartitionFunction<Row> {
  static final String SHARD = ".faiss";
  static final String FACTS = ".facts";

  /** Beside a shard's codes. */
  private static final String FLAT = ".flat";

  /** Vectors added to a shard together. */
  private static final int CHUNK = 8192;

  /**
   * What a shard holds: {@code .facts}, lines of the number of rows, the number of vectors that
   * were not finite, and the keys of the first of these.
   */
  record Facts(int rows, int notFinite, List<String> firstNotFinite) {
    static Facts read(Path file) {
      try {
        List<String> lines = Files.readAllLines(file);
        return new Facts(
            Integer.parseInt(lines.get(0)),
            Integer.parseInt(lines.get(1)),
            lines.subList(2, lines.size()));
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read " + file, e);
      }
    }

    void write(Path file) throws IOException {
      List<String> lines = new ArrayList<>();
      lines.add(String.valueOf(rows));
      lines.add(String.valueOf(notFinite));
      lines.addAll(firstNotFinite);
      Files.write(file, lines);
    }
  }

  @Override
  public void call(Iterator<Row> rows) throws IOException {
    if (!rows.hasNext()) {
      return;
    }
    Path into = Path.of(folder);
    String name = ShardedIndex.name(TaskContext.getPartitionId());
    Path attempt = into.resolve("attempt-" + name + "-" + TaskContext.get().taskAttemptId());
    IndexConfig config = IndexConfig.of(type).withMetric(metric);
    Filling filling = new Filling(ShardedIndex.keys(into));
    try (IndexShards.Shard shard =
        new IndexShards(dimension, config, total).shard(ShardedIndex.trained(into))) {
      filling.fill(shard, rows);
      shard.write(attempt);
    }
    filling.facts().write(attempt.resolveSibling(attempt.getFileName() + FACTS));
    if (Files.exists(attempt.resolveSibling(attempt.getFileName() + FLAT))) {
      move(attempt, FLAT, into.resolve(name + SHARD + FLAT));
    }
    move(attempt, "", into.resolve(name + SHARD));
    // The last: a shard counts once this is there.
    move(attempt, FACTS, into.resolve(name + FACTS));
  }

  private static void move(Path attempt, String ending, Path to) throws IOException {
    Files.move(
        attempt.resolveSibling(attempt.getFileName() + ending),
        to,
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  /** Adds the rows of a partition, which must follow each other. */
  private final class Filling {
    private final KeyTable items;
    private final List<String> first = new ArrayList<>();
    private int rows;
    private int notFinite;
    private int next = -1;

    Filling(KeyTable items) {
      this.items = items;
    }

    void fill(IndexShards.Shard shard, Iterator<Row> from) {
      float[] vectors = new float[CHUNK * dimension];
      while (from.hasNext()) {
        List<Row> chunk = Chunks.next(from, CHUNK);
        for (int i = 0; i < chunk.size(); i++) {
          requireNext(chunk.get(i));
          if (!ShardedIndex.floats(chunk.get(i), vectors, i, dimension)) {
            notFinite++;
            if (first.size() < Cluster.NAMED) {
              first.add(chunk.get(i).getString(1));
            }
          }
        }
        shard.add(vectors, chunk.size());
        rows += chunk.size();
      }
    }

    private void requireNext(Row row) {
      int number = row.getInt(0);
      if (next >= 0 && number != next) {
        throw new DataException(
            number < next
                ? "expected each item once, found '%s' more often".formatted(row.getString(1))
                : "expected a vector of item '%s', found none".formatted(items.key(next)));
      }
      next = number + 1;
    }

    Facts facts() {
      return new Facts(rows, notFinite, first);
    }
  }
}
