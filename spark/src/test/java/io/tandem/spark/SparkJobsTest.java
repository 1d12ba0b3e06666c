package io.tandem.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.artifact.OpenTowers;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.artifact.Version;
import io.tandem.config.DataSpec.EntitySpec;
import io.tandem.config.IndexConfig;
import io.tandem.config.SourceSpec;
import io.tandem.data.DatasetReader;
import io.tandem.feature.FeatureBatch;
import io.tandem.index.BuiltIndex;
import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import io.tandem.index.faiss.FaissBuilder;
import io.tandem.retrieval.Hit;
import io.tandem.retrieval.Query;
import io.tandem.retrieval.Retrieve;
import io.tandem.retrieval.Retriever;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The jobs on Spark's own scheduler, which serializes every task on its way to an executor. {@code
 * -Dtandem.spark.master=local-cluster[2,1,512]} runs them on two executors in processes of their
 * own.
 */
class SparkJobsTest {
  private static final String MASTER = System.getProperty("tandem.spark.master", "local[2]");

  @TempDir static Path folder;
  private static SparkSession spark;
  private static Version version;

  @BeforeAll
  static void start() throws IOException {
    // Workers insist on a folder of jars; what executors run is on the class path already.
    Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
    spark =
        SparkSession.builder()
            .master(MASTER)
            .appName("test")
            .config("spark.executor.memory", "512m")
            .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
            .config("spark.sql.shuffle.partitions", "3")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.ui.enabled", "false")
            .getOrCreate();
    version =
        TestModels.publishTowers(folder, Store.create(folder.resolve("store")), "{type: flat}");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @Test
  void embeddingIsWhatOneMachineGives() throws IOException {
    Map<String, float[]> expected = oneMachine();

    for (VersionFiles files :
        List.of(VersionFiles.shared(version), VersionFiles.send(version, spark.sparkContext()))) {
      Dataset<Row> embedded = ItemEmbedding.embed(items().repartition(4), "movieId", files);
      List<Row> rows = embedded.collectAsList();

      assertThat(rows).hasSize(TestModels.ITEMS);
      for (Row row : rows) {
        List<Float> vector = row.getList(1);
        float[] want = Objects.requireNonNull(expected.get(row.getString(0)));
        for (int i = 0; i < want.length; i++) {
          assertThat(vector.get(i)).as(row.getString(0)).isCloseTo(want[i], within(1e-6f));
        }
      }
    }
  }

  @Test
  void everyQueryGetsWhatAServiceWouldAnswer() {
    List<Row> queries = new ArrayList<>();
    for (int query = 0; query < TestModels.QUERIES + 5; query++) {
      queries.add(RowFactory.create("u" + query));
    }
    Dataset<Row> table =
        spark.createDataFrame(
            queries,
            new org.apache.spark.sql.types.StructType()
                .add("userId", org.apache.spark.sql.types.DataTypes.StringType));
    BulkRetrieval.Request request =
        new BulkRetrieval.Request(7, BulkRetrieval.Seen.EXCLUDED, "genres = 'A'");

    List<Row> rows =
        BulkRetrieval.retrieve(
                table.repartition(3), "userId", VersionFiles.shared(version), request)
            .collectAsList();

    Map<String, List<Row>> byQuery = new HashMap<>();
    rows.forEach(row -> byQuery.computeIfAbsent(row.getString(0), q -> new ArrayList<>()).add(row));
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (Row query : queries) {
        List<Hit> hits =
            retriever.retrieve(
                Query.builder().put("userId", query.getString(0)).build(),
                Retrieve.top(7).excludeSeen().where("genres", "A"));
        List<Row> found = byQuery.getOrDefault(query.getString(0), List.of());
        assertThat(found).hasSize(7);
        for (int rank = 0; rank < 7; rank++) {
          assertThat(found.get(rank).getInt(1)).isEqualTo(rank + 1);
          assertThat(found.get(rank).getFloat(3)).isCloseTo(hits.get(rank).score(), within(1e-6f));
          assertThat(found.get(rank).getString(2)).isEqualTo(hits.get(rank).item());
        }
      }
    }
  }

  @Test
  void aModelIsOpenedOnceForAllTasksOfAnExecutor() {
    VersionFiles files = VersionFiles.shared(version);
    Dataset<Row> embedded = ItemEmbedding.embed(items().repartition(8), "movieId", files);
    assertThat(embedded.count()).isEqualTo(TestModels.ITEMS);

    List<Integer> opened =
        embedded
            .mapPartitions(
                (org.apache.spark.api.java.function.MapPartitionsFunction<Row, Integer>)
                    rows -> {
                      rows.forEachRemaining(row -> {});
                      return List.of(ExecutorModels.opened()).iterator();
                    },
                org.apache.spark.sql.Encoders.INT())
            .collectAsList();

    // Towers and, in another test, a retriever.
    assertThat(opened).hasSize(8).allMatch(times -> times <= 4);
  }

  @Test
  void aShardedFlatIndexIsTheIndexOfOneMachine() throws IOException {
    IndexConfig config = IndexConfig.of(IndexConfig.Type.FLAT).withRecall(1, 10);
    Clusters clusters = new Clusters(900, 16);
    ShardedIndex.Built sharded =
        ShardedIndex.build(clusters.table(), config, 3, folder.resolve("flat"), new float[0], 0);
    try (VectorIndex merged = sharded.index().index();
        FaissBuilder builder = new FaissBuilder(16, config)) {
      builder.add(clusters.vectors, 900);
      try (VectorIndex one = builder.build(new float[0], 0).index()) {
        for (int query = 0; query < 50; query++) {
          float[] vector = clusters.vector(query * 17);
          assertThat(top(merged, vector, row -> sharded.keys().key(row)))
              .isEqualTo(top(one, vector, Clusters::key));
        }
      }
    }
  }

  @Test
  void shardedListsFindNoLessThanThoseOfOneIndex() throws IOException {
    IndexConfig config =
        IndexConfig.of(IndexConfig.Type.IVF_FLAT)
            .withRecall(0.9, 10)
            .withLists(new IndexConfig.Lists(20, 4, 0));
    Clusters clusters = new Clusters(3000, 16);
    ShardedIndex.Built sharded =
        ShardedIndex.build(clusters.table(), config, 4, folder.resolve("ivf"), new float[0], 0);
    try (VectorIndex merged = sharded.index().index();
        FaissBuilder builder = new FaissBuilder(16, config)) {
      builder.add(clusters.vectors, 3000);
      BuiltIndex one = builder.build(new float[0], 0);
      try (VectorIndex index = one.index()) {
        assertThat(merged.size()).isEqualTo(index.size());
        // The same lists learnt from the same vectors in another order: equal but for that.
        assertThat(sharded.index().recall()).isGreaterThanOrEqualTo(one.recall() - 0.02);
        assertThat(sharded.index().type()).isEqualTo(one.type());
      }
    }
  }

  @Test
  void whatIsWrongIsSaidByKey() {
    Dataset<Row> twice = new Clusters(50, 4).table().union(new Clusters(50, 4).table());
    assertThatThrownBy(
            () ->
                ShardedIndex.build(
                    twice,
                    IndexConfig.of(IndexConfig.Type.FLAT),
                    2,
                    folder.resolve("twice"),
                    new float[0],
                    0))
        .rootCause()
        .hasMessageContaining("expected each key once, found 'k");
    assertThatThrownBy(() -> Table.of(items(), "movie"))
        .hasMessage("no column 'movie' (the key); the columns are movieId, title, genres, year");
  }

  private static Dataset<Row> items() {
    return Table.read(spark, folder.resolve("movies.csv").toString(), "csv");
  }

  private static Map<String, float[]> oneMachine() {
    OpenTowers towers = OpenTowers.open(version);
    Map<String, float[]> vectors = new HashMap<>();
    EntitySpec spec = new EntitySpec(SourceSpec.file(folder.resolve("movies.csv")), "movieId");
    try (DatasetReader.Catalogue catalogue = DatasetReader.readCatalogue(spec)) {
      FeatureBatch batch = towers.features().items().encodeAll(catalogue.attributes());
      int dim = towers.items().dim();
      float[] all = new float[batch.rows() * dim];
      towers.items().embedAll(batch, 2, all);
      for (int row = 0; row < batch.rows(); row++) {
        float[] vector = new float[dim];
        System.arraycopy(all, row * dim, vector, 0, dim);
        vectors.put(catalogue.keys().key(row), vector);
      }
    }
    return vectors;
  }

  /** Keys and, for near ties, scores rounded to what both give. */
  private static Set<String> top(
      VectorIndex index, float[] query, java.util.function.IntFunction<String> key) {
    TopK hits = new TopK();
    index.search(query, 10, hits);
    Set<String> keys = new HashSet<>();
    for (int rank = 0; rank < hits.size(); rank++) {
      keys.add(key.apply(hits.row(rank)) + " " + hits.score(rank));
    }
    return keys;
  }

  /** Vectors around some centres. */
  private static final class Clusters {
    private final int n;
    private final int dim;
    private final float[] vectors;

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

    float[] vector(int row) {
      float[] vector = new float[dim];
      System.arraycopy(vectors, row % n * dim, vector, 0, dim);
      return vector;
    }

    Dataset<Row> table() {
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
}
