package io.tandem.spark;

import static io.tandem.spark.ItemEmbedding.KEY;
import static io.tandem.spark.ItemEmbedding.VECTOR;
import static org.apache.spark.sql.functions.col;

import io.tandem.config.IndexConfig;
import io.tandem.data.DataException;
import io.tandem.data.KeyTable;
import io.tandem.index.faiss.IndexShards;
import io.tandem.index.faiss.TrainingRows;
import io.tandem.rebuild.Cluster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.apache.spark.api.java.function.FilterFunction;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * An index built from embedded items, one FAISS shard for each partition, merged into one. Its rows
 * are in the order of a catalogue, whatever the partitions, and its centroids are learnt once, on
 * the driver, from the same rows as on one machine: it is the index that one machine builds.
 *
 * <p>Shards go through a folder that every machine sees at the same path.
 */
public final class ShardedIndex implements Cluster {
  /** Number of an item in the catalogue. */
  static final String ROW = "row";

  static final StructType NUMBERED =
      new StructType()
          .add(ROW, DataTypes.IntegerType, false)
          .add(KEY, DataTypes.StringType, false)
          .add(VECTOR, DataTypes.createArrayType(DataTypes.FloatType, false), false);

  private static final String TRAINED = "trained.faiss";
  private static final String KEYS = "items.keys";

  private final Supplier<Dataset<Row>> source;
  private final int shards;
  private final Path folder;

  /**
   * @param source gives rows of (key, vector) as {@link ItemEmbedding} does; is asked once there is
   *     work, and its rows are read several times
   * @param shards at least 1
   * @param folder that every machine sees; its shards of an earlier build are replaced
   */
  public ShardedIndex(Supplier<Dataset<Row>> source, int shards, Path folder) {
    if (shards < 1) {
      throw new IllegalArgumentException("expected at least 1 shard, found " + shards);
    }
    this.source = source;
    this.shards = shards;
    this.folder = folder.toAbsolutePath();
  }

  /** Flat, ivf_flat, ivf_sq8 and ivf_fp16 without pca can be merged. */
  @Override
  public void requireBuildable(IndexConfig config) {
    IndexShards.requireMergeable(config);
  }

  /**
   * Builds shards on the executors and merges them on the driver, which holds the index and every
   * whole vector while it measures recall.
   *
   * @throws DataException if the vectors are not of these items, each once, all of one width
   */
  @Override
  public Indexed index(KeyTable items, IndexConfig config, float[] queries, int n) {
    requireBuildable(config);
    prepare(items);
    Dataset<Row> vectors = source.get().select(col(KEY), col(VECTOR));
    int total = items.size();
    int dimension = dimension(vectors);
    IndexShards parts = new IndexShards(dimension, config, total);
    Dataset<Row> numbered =
        vectors.mapPartitions(new NumberRows(folder.toString()), Encoders.row(NUMBERED));
    train(parts, numbered, dimension);
    numbered
        .repartitionByRange(shards, col(ROW))
        .sortWithinPartitions(col(ROW))
        .foreachPartition(
            new BuildShard(dimension, total, config.type(), config.metric(), folder.toString()));
    return merge(parts, total, queries, n);
  }

  private void prepare(KeyTable items) {
    try {
      Files.createDirectories(folder);
      for (Path file : files("(attempt-)?shard-.*")) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write to " + folder, e);
    }
    items.write(folder.resolve(KEYS));
  }

  private static int dimension(Dataset<Row> vectors) {
    List<Row> first = vectors.takeAsList(1);
    if (first.isEmpty()) {
      throw new DataException("expected at least 1 embedded item, found none");
    }
    return first.get(0).getList(1).size();
  }

  private void train(IndexShards parts, Dataset<Row> numbered, int dimension) {
    TrainingRows rows = parts.trainingRows();
    float[] sample = new float[0];
    int n = 0;
    if (rows.drawn() > 0) {
      sample = new float[Math.multiplyExact(Math.min(rows.drawn(), rows.total()), dimension)];
      Iterator<Row> drawn = numbered.filter(new IsDrawn(rows)).sort(col(ROW)).toLocalIterator();
      while (drawn.hasNext()) {
        if ((n + 1) * dimension > sample.length) {
          throw new DataException("expected each item once, found some more often");
        }
        floats(drawn.next(), sample, n++, dimension);
      }
    }
    parts.train(sample, n, folder.resolve(TRAINED));
  }

  private Indexed merge(IndexShards parts, int total, float[] queries, int n) {
    int rows = 0;
    int notFinite = 0;
    List<String> first = new ArrayList<>();
    for (Path file : files("shard-\\d+\\" + BuildShard.FACTS)) {
      BuildShard.Facts facts = BuildShard.Facts.read(file);
      rows += facts.rows();
      notFinite += facts.notFinite();
      facts.firstNotFinite().stream().limit(NAMED - first.size()).forEach(first::add);
    }
    if (rows != total) {
      throw new DataException(
          "expected vectors of %d items, found %d; embed the catalogue that is rebuilt"
              .formatted(total, rows));
    }
    return new Indexed(
        parts.merge(files("shard-\\d+\\" + BuildShard.SHARD), queries, n), notFinite, first);
  }

  /** Files of shards, by their numbers. */
  private List<Path> files(String pattern) {
    try (var files = Files.list(folder)) {
      return files.filter(file -> file.getFileName().toString().matches(pattern)).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder, e);
    }
  }

  /** Copies the vector of a row of {@link #NUMBERED}; returns whether it is finite. */
  static boolean floats(Row row, float[] target, int at, int dimension) {
    List<Float> vector = row.getList(2);
    if (vector.size() != dimension) {
      throw new DataException(
          "item '%s': expected a vector of dimension %d, found %d"
              .formatted(row.getString(1), dimension, vector.size()));
    }
    boolean finite = true;
    for (int i = 0; i < dimension; i++) {
      float value = vector.get(i);
      target[at * dimension + i] = value;
      finite &= Float.isFinite(value);
    }
    if (!finite) {
      Arrays.fill(target, at * dimension, (at + 1) * dimension, 0);
    }
    return finite;
  }

  static KeyTable keys(Path folder) {
    return KeyTable.open(folder.resolve(KEYS));
  }

  static Path trained(Path folder) {
    return folder.resolve(TRAINED);
  }

  /** What a shard is called by the number of its partition. */
  static String name(int partition) {
    return String.format(Locale.ROOT, "shard-%06d", partition);
  }

  /** Finds the place of every item in the catalogue. */
  record NumberRows(String folder) implements MapPartitionsFunction<Row, Row> {
    @Override
    public Iterator<Row> call(Iterator<Row> rows) {
      KeyTable items = keys(Path.of(folder));
      return new Chunks(
          rows, 1024, chunk -> chunk.stream().map(row -> numbered(items, row)).toList());
    }

    private static Row numbered(KeyTable items, Row row) {
      int number = items.indexOf(row.getString(0));
      if (number < 0) {
        throw new DataException(
            "item '%s': expected vectors of the catalogue's items alone, which has none such;"
                    .formatted(row.getString(0))
                + " embed the catalogue that is rebuilt");
      }
      return RowFactory.create(number, row.get(0), row.get(1));
    }
  }

  /** Leaves the rows that centroids are learnt from. */
  record IsDrawn(TrainingRows rows) implements FilterFunction<Row> {
    @Override
    public boolean call(Row row) {
      return rows.contains(row.getInt(0));
    }
  }
}
