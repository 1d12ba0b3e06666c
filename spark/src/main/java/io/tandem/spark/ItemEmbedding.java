package io.tandem.spark;

import io.tandem.artifact.OpenTowers;
import io.tandem.data.Rows;
import io.tandem.feature.FeatureBatch;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Items become vectors: rows of (key, vector), vector an array of floats. */
public final class ItemEmbedding {
  /** Column of the item's key, as text. */
  public static final String KEY = "key";

  /** Column of its embedding. */
  public static final String VECTOR = "vector";

  static final StructType SCHEMA =
      new StructType()
          .add(KEY, DataTypes.StringType, false)
          .add(VECTOR, DataTypes.createArrayType(DataTypes.FloatType, false), false);

  /** Rows encoded and embedded together. */
  private static final int CHUNK = 4096;

  private ItemEmbedding() {}

  /**
   * Embeds every item with a version's item tower. Equal to embedding on one machine to rounding.
   *
   * @param items any table with the columns that the item features read
   * @param key column of the key
   * @param model that the executors use
   */
  public static Dataset<Row> embed(Dataset<Row> items, String key, VersionFiles model) {
    Table table = Table.of(items, key);
    return table.rows().mapPartitions(new Embed(table.layout(), model), Encoders.row(SCHEMA));
  }

  /** What runs on the executors. */
  record Embed(Table.Layout layout, VersionFiles model) implements MapPartitionsFunction<Row, Row> {
    @Override
    public Iterator<Row> call(Iterator<Row> rows) {
      OpenTowers towers = ExecutorModels.towers(model);
      FeatureBatch batch = new FeatureBatch(towers.features().itemSchema());
      return new Chunks(rows, CHUNK, chunk -> embed(layout.chunk(chunk), towers, batch));
    }

    private static List<Row> embed(Rows items, OpenTowers towers, FeatureBatch batch) {
      batch.clear();
      towers.features().items().encode(items, batch);
      int dim = towers.items().dim();
      float[] vectors = new float[batch.rows() * dim];
      // A task is one of several at work on the machine.
      towers.items().embedAll(batch, 1, vectors);
      List<Row> embedded = new ArrayList<>(items.size());
      for (int row = 0; row < items.size(); row++) {
        Float[] vector = new Float[dim];
        for (int i = 0; i < dim; i++) {
          vector[i] = vectors[row * dim + i];
        }
        embedded.add(RowFactory.create(items.keys()[row], vector));
      }
      return embedded;
    }
  }
}
