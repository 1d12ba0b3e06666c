package io.tandem.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import io.tandem.artifact.Manifest;
import io.tandem.artifact.OpenTowers;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.artifact.Version;
import io.tandem.config.DataSpec.EntitySpec;
import io.tandem.config.IndexConfig;
import io.tandem.config.SourceSpec;
import io.tandem.data.DatasetReader;
import io.tandem.data.KeyTable;
import io.tandem.feature.FeatureBatch;
import io.tandem.index.BuiltIndex;
import io.tandem.index.VectorIndex;
import io.tandem.index.faiss.FaissBuilder;
import io.tandem.index.faiss.FaissIndex;
import io.tandem.index.faiss.IndexShards;
import io.tandem.rebuild.Cluster;
import io.tandem.rebuild.Rebuild;
import io.tandem.rebuild.RebuildResult;
import io.tandem.retrieval.Hit;
import io.tandem.retrieval.Query;
import io.tandem.retrieval.Retrieve;
import io.tandem.retrieval.Retriever;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

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

  @ParameterizedTest
  @EnumSource(names = {"FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_FP16"})
  void aShardedIndexIsThatOfOneMachineToTheByte(IndexConfig.Type type) throws IOException {
    Clusters clusters = new Clusters(3000, 16);
    IndexConfig config =
        IndexConfig.of(type).withRecall(0.9, 10).withMetric(IndexConfig.Metric.COSINE);
    float[] queries = Arrays.copyOf(clusters.vectors, 300 * 16);
    Path sharded = Files.createDirectory(folder.resolve("sharded " + type)).resolve("items.faiss");
    Path whole = Files.createDirectory(folder.resolve("whole " + type)).resolve("items.faiss");
    BuiltIndex merged = sharded(clusters, 4).index(clusters.keys(), config, queries, 300).index();
    try (FaissIndex index = (FaissIndex) merged.index();
        FaissBuilder builder = new FaissBuilder(16, config)) {
      index.write(sharded);
      builder.add(clusters.vectors, 3000);
      BuiltIndex one = builder.build(queries, 300);
      try (FaissIndex wholeIndex = (FaissIndex) one.index()) {
        wholeIndex.write(whole);
      }
      assertThat(merged.type()).isEqualTo(one.type());
      assertThat(merged.parameters()).isEqualTo(one.parameters());
      assertThat(merged.recall()).isEqualTo(one.recall());
      // All but times.
      assertThat(merged.report())
          .usingRecursiveComparison()
          .ignoringFields("curve.micros")
          .isEqualTo(one.report());
    }
    assertThat(sharded).hasSameBinaryContentAs(whole);
    Path vectors = whole.resolveSibling("items.vectors");
    assertThat(Files.exists(vectors)).isEqualTo(type == IndexConfig.Type.IVF_SQ8);
    if (Files.exists(vectors)) {
      assertThat(sharded.resolveSibling("items.vectors")).hasSameBinaryContentAs(vectors);
    }
  }

  @Test
  void fewerPartitionsThanShardsAndVectorsThatAreNotFiniteAreToldOf() {
    Clusters clusters = new Clusters(9, 4);
    clusters.vectors[4 * 7 + 1] = Float.NaN;
    clusters.vectors[4 * 2] = Float.POSITIVE_INFINITY;
    Cluster.Indexed made =
        sharded(clusters, 20)
            .index(clusters.keys(), IndexConfig.of(IndexConfig.Type.FLAT), new float[4], 1);
    try (VectorIndex index = made.index().index()) {
      assertThat(made.notFinite()).isEqualTo(2);
      assertThat(made.firstNotFinite()).containsExactly(Clusters.key(2), Clusters.key(7));
      float[] vector = new float[4];
      index.vector(7, vector);
      assertThat(vector).containsOnly(0);
      index.vector(8, vector);
      assertThat(vector).containsExactly(clusters.vector(8));
    }
  }

  @Test
  void aClusterPublishesTheVersionThatOneMachineDoes() throws IOException {
    Path home = Files.createDirectory(folder.resolve("rebuild"));
    Store store = Store.create(home.resolve("store"));
    TestModels.publishTowers(home, store, "{type: flat}");
    Path other = home.resolve("other");
    copy(store.folder(), other);
    StringBuilder more = new StringBuilder();
    for (int item = 0; item < 60; item++) {
      more.append("x%d,New film %d,B,1950%n".formatted(item, item));
    }
    Files.writeString(home.resolve("movies.csv"), more, StandardOpenOption.APPEND);
    String vectors = home.resolve("vectors").toString();
    assertThat(
            SparkMain.run(
                "embed",
                other.toString(),
                "--items",
                home.resolve("movies.csv").toString(),
                "--format",
                "csv",
                "--out",
                vectors))
        .isZero();

    RebuildResult one =
        Rebuild.of(store)
            .set("index.type", "ivf_flat")
            .set("rebuild.gates.max_p99_millis", "100000")
            .run();
    int status =
        SparkMain.run(
            "rebuild",
            other.toString(),
            "--vectors",
            vectors,
            "--work",
            home.resolve("work").toString(),
            "--shards",
            "3",
            "--set",
            "index.type=ivf_flat",
            "--set",
            "rebuild.gates.max_p99_millis=100000");

    assertThat(one.outcome()).isEqualTo(RebuildResult.Outcome.PUBLISHED);
    assertThat(status).isZero();
    Manifest expected = store.current().manifest();
    Manifest found = Store.open(other).current().manifest();
    // Vectors are equal to rounding, as everywhere; all else is to the byte.
    assertThat(withoutVectors(found)).isEqualTo(withoutVectors(expected));
    assertThat(found.index()).isEqualTo(expected.index());
    assertThat(withoutGates(found)).isEqualTo(withoutGates(expected));
    assertThat(found.gates())
        .extracting(Manifest.Gate::name, Manifest.Gate::verdict)
        .containsExactlyElementsOf(
            expected.gates().stream().map(gate -> tuple(gate.name(), gate.verdict())).toList());
    assertThat(found.rebuilt()).extracting(Manifest.Rebuilt::added).isEqualTo(60);
    assertThat(Store.open(other).verify(Store.open(other).current().id())).isEmpty();
    assertThat(Store.open(other).prune(1)).as("what a job reads is not deleted under it").isEmpty();
    try (Retriever retriever = Retriever.open(other);
        Retriever same = Retriever.open(store.folder())) {
      for (int user = 0; user < TestModels.QUERIES; user++) {
        Query query = Query.builder().put("userId", "u" + user).build();
        List<Hit> hits = retriever.retrieve(query, Retrieve.top(20));
        List<Hit> wanted = same.retrieve(query, Retrieve.top(20));
        for (int rank = 0; rank < 20; rank++) {
          assertThat(hits.get(rank).score()).isCloseTo(wanted.get(rank).score(), within(1e-5f));
        }
        assertThat(hits.subList(0, 3))
            .extracting(Hit::item)
            .isEqualTo(wanted.subList(0, 3).stream().map(Hit::item).toList());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"hnsw", "ivf_pq_fast_scan", "auto", "flat_fp16"})
  void typesWhoseShardsCannotBeMergedAreRefusedBeforeAnyWork(String type) {
    Path work = folder.resolve("never " + type);
    int status =
        SparkMain.run(
            "rebuild",
            folder.resolve("store").toString(),
            "--vectors",
            folder.resolve("none").toString(),
            "--work",
            work.toString(),
            "--set",
            "index.type=" + type);
    assertThat(status).isEqualTo(2);
    assertThat(work).doesNotExist();
    assertThatThrownBy(
            () ->
                IndexShards.requireMergeable(
                    IndexConfig.of(IndexConfig.Type.valueOf(type.toUpperCase(Locale.ROOT)))))
        .hasMessage(
            "index.type: expected flat, ivf_flat, ivf_sq8, ivf_fp16 without pca, whose shards can be"
                + " merged, found "
                + type);
  }

  @Test
  void whatIsWrongIsSaidByKey() {
    Clusters clusters = new Clusters(50, 4);
    Dataset<Row> table = clusters.table(spark);
    assertThatThrownBy(() -> flat(table.union(table), clusters.keys()))
        .rootCause()
        .hasMessageContaining("expected each item once, found 'k");
    assertThatThrownBy(() -> flat(table, new Clusters(49, 4).keys()))
        .rootCause()
        .hasMessageContaining("item '" + Clusters.key(49) + "': expected vectors of the catalogue");
    assertThatThrownBy(
            () -> flat(table.filter("key != '" + Clusters.key(20) + "'"), clusters.keys()))
        .rootCause()
        .hasMessageContaining("expected a vector of item '" + Clusters.key(20) + "', found none");
    assertThatThrownBy(
            () -> flat(table.filter("key != '" + Clusters.key(49) + "'"), clusters.keys()))
        .hasMessageContaining("expected vectors of 50 items, found 49");
    assertThatThrownBy(() -> Table.of(items(), "movie"))
        .hasMessage("no column 'movie' (the key); the columns are movieId, title, genres, year");
  }

  private static Map<String, ?> withoutVectors(Manifest manifest) {
    Map<String, Object> files = new TreeMap<>(manifest.files());
    files.remove("items.faiss");
    return files;
  }

  /** A gate's figures are of vectors and of times. */
  private static Map<String, Double> withoutGates(Manifest manifest) {
    Map<String, Double> metrics = new TreeMap<>(manifest.metrics());
    metrics.keySet().removeIf(name -> name.startsWith("gate."));
    return metrics;
  }

  private static void flat(Dataset<Row> vectors, KeyTable keys) {
    new ShardedIndex(() -> vectors, 2, folder.resolve("wrong"))
        .index(keys, IndexConfig.of(IndexConfig.Type.FLAT), new float[4], 1)
        .index()
        .index()
        .close();
  }

  private static ShardedIndex sharded(Clusters clusters, int shards) {
    return new ShardedIndex(() -> clusters.table(spark), shards, folder.resolve("shards"));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> walk = Files.walk(from)) {
      for (Path path : walk.toList()) {
        Files.copy(path, to.resolve(from.relativize(path).toString()));
      }
    }
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
}
