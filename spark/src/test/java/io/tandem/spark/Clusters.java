package io.tandem.spark;

import io.tandem.data.KeyTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;

/** Items whose vectors lie around some centres. */
final class Clusters {
  private final int n;
  private final int dim;
  final float[] vectors;

  Clusters(int n, int dim) {
    this.n = n;
    this.dim = dim;
    vectors = new float[n * dim];
    Random random = new Random(3);
    float[] centres = new float[30 * dim];
    for (int i = 0; i < centres.length; i++) {
      centres[i] = (float) random.nextGaussian();
    }
    for (int i = 0; i < vectors.length; i++) {
      int centre = i / dim % 30;
      vectors[i] = centres[centre * dim + i % dim] + 0.3f * (float) random.nextGaussian();
    }
  }

  static String key(int row) {
    return "k" + (row * 7919 % 100_003);
  }

  KeyTable keys() {
    KeyTable.Builder keys = new KeyTable.Builder();
    for (int row = 0; row < n; row++) {
      keys.add(key(row));
    }
    return keys.build();
  }

  float[] vector(int row) {
    float[] vector = new float[dim];
    System.arraycopy(vectors, row % n * dim, vector, 0, dim);
    return vector;
  }

  Dataset<Row> table(SparkSession spark) {
    List<Row> rows = new ArrayList<>();
    for (int row = 0; row < n; row++) {
      Float[] vector = new Float[dim];
      for (int i = 0; i < dim; i++) {
        vector[i] = vectors[row * dim + i];
      }
      rows.add(RowFactory.create(key(row), vector));
    }
    return spark.createDataFrame(rows, ItemEmbedding.SCHEMA).repartition(3);
  }
}
