package io.tandem.index.faiss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.IndexConfig;
import io.tandem.index.BuildListener;
import io.tandem.index.BuiltIndex;
import io.tandem.index.Exact;
import io.tandem.index.IndexException;
import io.tandem.index.IndexReport.Point;
import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FaissBuilderTest {
  private static final float[][] VECTORS = Exact.vectors(2000, 8, 3);

  @Test
  void smallCorporaAreSearchedExactly() {
    BuiltIndex built = build(config(IndexConfig.Type.AUTO, 0.9, 0), VECTORS);
    try (VectorIndex index = built.index()) {
      assertThat(built.type()).isEqualTo("Flat");
      assertThat(built.recall()).isEqualTo(1);
      assertThat(index.size()).isEqualTo(2000);
    }
  }

  @Test
  void effortIsTheLeastThatReachesThePromisedRecall() {
    BuiltIndex low = build(config(IndexConfig.Type.HNSW, 0.5, 0), VECTORS);
    BuiltIndex high = build(config(IndexConfig.Type.HNSW, 0.999, 0), VECTORS);
    try (VectorIndex first = low.index();
        VectorIndex second = high.index()) {
      assertThat(first.type()).isEqualTo("HNSW16");
      assertThat(second.type()).isEqualTo("HNSW16");
      assertThat(low.recall()).isGreaterThanOrEqualTo(0.5);
      assertThat(high.recall()).isGreaterThanOrEqualTo(0.999);
      assertThat(low.parameters().get("efSearch")).isEqualTo(16);
      assertThat(high.parameters().get("efSearch")).isGreaterThanOrEqualTo(16);
    }
  }

  @Test
  void givenEffortIsKeptAndItsRecallReported() {
    BuiltIndex built = build(config(IndexConfig.Type.HNSW, 1, 10), VECTORS);
    try (VectorIndex index = built.index()) {
      assertThat(index.type()).isEqualTo("HNSW16");
      assertThat(built.parameters()).isEqualTo(Map.of("efConstruction", 40, "efSearch", 10));
      assertThat(built.recall()).isBetween(0.1, 1.0);
      assertThat(built.recallAt()).isEqualTo(10);
    }
  }

  @Test
  void unreachableRecallIsRefused() {
    assertThatThrownBy(() -> build(IndexConfig.ofFactory("PQ2x4").withRecall(0.99, 10), VECTORS))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("index PQ2x4: expected recall@10 of at least 0.990, found 0.");
  }

  @Test
  void badFactoryStringsAreRefusedWithFaissReason() {
    assertThatThrownBy(() -> build(IndexConfig.ofFactory("Nonsense9"), VECTORS))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("Nonsense9");
  }

  @Test
  void emptyCorporaAndBadNumbersAreRefused() {
    assertThatThrownBy(() -> build(config(IndexConfig.Type.FLAT, 0.9, 0), new float[0][8]))
        .isInstanceOf(IndexException.class)
        .hasMessage("expected at least 1 vector to index, found none");
    float[][] bad = {new float[8], new float[8]};
    bad[1][2] = Float.NaN;
    assertThatThrownBy(() -> build(config(IndexConfig.Type.FLAT, 0.9, 0), bad))
        .isInstanceOf(IndexException.class)
        .hasMessage("expected finite vectors, found NaN in row 1, component 2");
  }

  @Test
  void equalScoresAtTheCutComeFromTheLowestRows() {
    float[][] ones = new float[5000][1];
    for (float[] one : ones) {
      one[0] = 1;
    }
    ones[4000][0] = 2;
    BuiltIndex built = build(config(IndexConfig.Type.FLAT, 0.9, 0), ones);
    try (VectorIndex index = built.index()) {
      for (int k : new int[] {1, 5, 150}) {
        TopK hits = new TopK();
        index.search(new float[] {1}, k, hits);
        int[] expected = IntStream.concat(IntStream.of(4000), IntStream.range(0, k - 1)).toArray();
        assertThat(IntStream.range(0, hits.size()).map(hits::row).toArray()).isEqualTo(expected);
      }
    }
  }

  @Test
  void filesThatDoNotFitAreRefused(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("items.faiss");
    try (VectorIndex index = build(config(IndexConfig.Type.FLAT, 0.9, 0), VECTORS).index()) {
      ((FaissIndex) index).write(file);
    }
    assertThatThrownBy(() -> read(file, 9, 2000))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("expected dimension 9, found 8");
    assertThatThrownBy(() -> read(file, 8, 1999))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("expected vectors 1999, found 2000");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> read(file, 8, 2000))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("cannot read index " + file);
    Files.write(file, new byte[] {1});
    assertThatThrownBy(() -> read(file, 8, 2000))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("cannot read index " + file);
  }

  @Test
  void missingVectorsBesideCodesAreNamed(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("items.faiss");
    BuiltIndex built = build(config(IndexConfig.Type.IVF_PQ_FAST_SCAN, 0.9, 0), VECTORS);
    try (VectorIndex index = built.index()) {
      ((FaissIndex) index).write(file);
    }
    Path vectors = folder.resolve("items.vectors");
    assertThat(Files.size(vectors)).isEqualTo(2000 * 8 * 4);
    Files.write(vectors, new byte[12]);
    assertThatThrownBy(() -> read(file, 8, 2000))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("expected 64000 bytes, found 12");
    Files.delete(vectors);
    assertThatThrownBy(() -> read(file, 8, 2000))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("expected its vectors in items.vectors, found no such file");
  }

  @Test
  void theSameVectorsLeadToTheSameChoices() {
    IndexConfig config = config(IndexConfig.Type.IVF_PQ_FAST_SCAN, 0.95, 0);
    BuiltIndex one = build(config, VECTORS);
    BuiltIndex two = build(config, VECTORS);
    try (VectorIndex first = one.index();
        VectorIndex second = two.index()) {
      assertThat(second.type()).isEqualTo(first.type());
      assertThat(two.parameters()).isEqualTo(one.parameters());
      assertThat(two.recall()).isEqualTo(one.recall());
      assertThat(two.report().searchWork()).isEqualTo(one.report().searchWork());
    }
  }

  @Test
  void theCurveShowsWhatRecallCosts() {
    BuiltIndex built = build(config(IndexConfig.Type.IVF_FLAT, 0.9, 0), VECTORS);
    built.index().close();
    List<Point> curve = built.report().curve();
    assertThat(curve).hasSizeGreaterThan(3);
    for (int i = 1; i < curve.size(); i++) {
      assertThat(curve.get(i).work()).isGreaterThan(curve.get(i - 1).work());
      assertThat(curve.get(i).recall()).isGreaterThanOrEqualTo(curve.get(i - 1).recall() - 0.01);
    }
    assertThat(built.parameters()).containsKey("nprobe");
    assertThat(curve)
        .anySatisfy(
            point -> {
              assertThat(point.setting()).isEqualTo(built.parameters());
              assertThat(point.recall()).isGreaterThanOrEqualTo(0.9);
              assertThat(point.work()).isEqualTo(built.report().searchWork());
            });
  }

  @Test
  void graphsAreNotChosenForIsotropicVectors() {
    Random random = new Random(4);
    int n = 33_000;
    int dimension = 64;
    float[] isotropic = new float[n * dimension];
    float[] clustered = new float[n * dimension];
    float[] centres = new float[400 * dimension];
    for (int i = 0; i < centres.length; i++) {
      centres[i] = (float) random.nextGaussian();
    }
    for (int i = 0; i < isotropic.length; i++) {
      isotropic[i] = (float) random.nextGaussian();
      int centre = i / dimension % 400;
      clustered[i] =
          centres[centre * dimension + i % dimension] + 0.2f * (float) random.nextGaussian();
    }
    IndexConfig config =
        IndexConfig.of(IndexConfig.Type.AUTO)
            .withRecall(0.95, 50)
            .withMetric(IndexConfig.Metric.COSINE)
            .withGraph(new IndexConfig.Graph(8, 16, 0));
    BuiltIndex hard = automatic(config, isotropic, n);
    BuiltIndex easy = automatic(config, clustered, n);
    assertThat(hard.type()).doesNotStartWith("HNSW");
    assertThat(easy.report().searchWork()).isLessThan(hard.report().searchWork() / 4);
  }

  /** As towers give them: much in few directions, popular items longer. */
  private static float[][] skewed(int n, int dimension, long seed) {
    Random directions = new Random(1);
    Random random = new Random(seed);
    double[][] mixed = new double[12][dimension];
    for (double[] direction : mixed) {
      Arrays.setAll(direction, i -> directions.nextGaussian());
    }
    float[][] vectors = new float[n][dimension];
    for (float[] vector : vectors) {
      double length = Math.exp(0.5 * random.nextGaussian()) / 12;
      for (double[] direction : mixed) {
        double weight = random.nextGaussian();
        for (int i = 0; i < dimension; i++) {
          vector[i] += (float) (length * weight * direction[i]);
        }
      }
    }
    return vectors;
  }

  @ParameterizedTest
  @EnumSource(
      value = IndexConfig.Type.class,
      names = {"AUTO", "HNSW", "IVF_FLAT", "IVF_PQ_FAST_SCAN"})
  void thePromiseHoldsForQueriesThatTuningNeverSaw(IndexConfig.Type type) {
    int n = type == IndexConfig.Type.AUTO ? 33_000 : 5000;
    int dimension = type == IndexConfig.Type.AUTO ? 64 : 24;
    float[][] vectors = skewed(n, dimension, 5);
    float[] seen = Exact.flatten(skewed(400, dimension, 6));
    float[][] fresh = skewed(200, dimension, 7);
    IndexConfig config =
        IndexConfig.of(type).withRecall(0.9, 20).withGraph(new IndexConfig.Graph(8, 24, 0));
    try (FaissBuilder builder = new FaissBuilder(dimension, config)) {
      builder.add(Exact.flatten(vectors), n);
      BuiltIndex built = builder.build(seen, 400);
      Exact exact = new Exact(vectors);
      try (VectorIndex index = built.index()) {
        assertThat(index.type()).isNotEqualTo("Flat");
        assertThat(built.report().searchWork()).isLessThan(0.7 * n);
        TopK hits = new TopK();
        int found = 0;
        for (float[] query : type == IndexConfig.Type.AUTO ? Arrays.copyOf(fresh, 60) : fresh) {
          index.search(query, 20, hits);
          List<Integer> best = exact.search(query, 20, row -> true);
          found +=
              (int) IntStream.range(0, hits.size()).filter(i -> best.contains(hits.row(i))).count();
        }
        double recall = found / 20.0 / (type == IndexConfig.Type.AUTO ? 60 : 200);
        // Three standard errors of a mean over so few queries.
        assertThat(recall).isGreaterThan(type == IndexConfig.Type.AUTO ? 0.85 : 0.87);
      }
    }
  }

  private static BuiltIndex automatic(IndexConfig config, float[] vectors, int n) {
    try (FaissBuilder builder = new FaissBuilder(64, config).expect(n)) {
      builder.add(vectors, n);
      BuiltIndex built = builder.build(new float[0], 0);
      built.index().close();
      assertThat(built.recall()).isGreaterThanOrEqualTo(0.95);
      assertThat(built.report().considered()).hasSizeGreaterThan(2);
      return built;
    }
  }

  @Test
  void indexesBeyondTheMemoryLimitAreRefusedBeforeAnyVectorIsAdded() {
    IndexConfig flat = IndexConfig.of(IndexConfig.Type.FLAT).withMemoryLimit(200_000_000);
    try (FaissBuilder builder = new FaissBuilder(64, flat)) {
      assertThatThrownBy(() -> builder.expect(1_000_000))
          .isInstanceOf(IndexException.class)
          .hasMessage(
              "1,000,000 vectors of dimension 64: expected an index of at most 200.0 MB"
                  + " (memory_limit), found that Flat needs about 256.0 MB");
    }
    IndexConfig auto = IndexConfig.of(IndexConfig.Type.AUTO).withMemoryLimit(1_000_000);
    try (FaissBuilder builder = new FaissBuilder(64, auto)) {
      assertThatThrownBy(() -> builder.expect(1_000_000))
          .isInstanceOf(IndexException.class)
          .hasMessageContaining("found that even IVF4000,PQ32x4fs needs about 26.6 MB");
    }
  }

  @Test
  void autoKeepsWithinTheMemoryLimit() {
    float[][] vectors = Exact.vectors(33_000, 64, 8);
    IndexConfig config =
        IndexConfig.of(IndexConfig.Type.AUTO).withRecall(0.9, 10).withMemoryLimit(3_000_000);
    BuiltIndex built = build(config, vectors);
    built.index().close();
    assertThat(built.report().bytes()).isLessThanOrEqualTo(3_000_000);
    assertThat(built.type()).isEqualTo("IVF727,SQ8");
  }

  @Test
  void cosineIgnoresLengths() {
    float[][] vectors = new float[2000][];
    for (int row = 0; row < vectors.length; row++) {
      vectors[row] = VECTORS[row].clone();
      for (int i = 0; i < 8; i++) {
        vectors[row][i] *= 1 + row % 7;
      }
    }
    for (IndexConfig.Type type :
        new IndexConfig.Type[] {IndexConfig.Type.FLAT, IndexConfig.Type.IVF_PQ_FAST_SCAN}) {
      IndexConfig config = config(type, 0.95, 0).withMetric(IndexConfig.Metric.COSINE);
      BuiltIndex built = build(config, vectors);
      try (VectorIndex index = built.index()) {
        assertThat(built.report().metric()).isEqualTo(IndexConfig.Metric.COSINE);
        TopK hits = new TopK();
        int itself = 0;
        for (int row = 0; row < 2000; row += 20) {
          index.search(vectors[row], 1, hits);
          assertThat(hits.score(0)).isLessThan(1 + 1e-5f);
          itself += hits.row(0) == row ? 1 : 0;
        }
        assertThat(itself).isGreaterThanOrEqualTo(type == IndexConfig.Type.FLAT ? 100 : 80);
      }
    }
  }

  @Test
  void rotatedCodesAreRescoredToo() {
    IndexConfig config = config(IndexConfig.Type.IVF_PQ_FAST_SCAN, 0.95, 0).withOpq(8);
    BuiltIndex built = build(config, Arrays.copyOf(VECTORS, 700));
    try (VectorIndex index = built.index()) {
      assertThat(built.type()).isEqualTo("OPQ4_8,IVF17,PQ4x4fs");
      assertThat(built.recall()).isGreaterThanOrEqualTo(0.95);
      TopK hits = new TopK();
      index.search(VECTORS[3], 5, hits);
      for (int i = 0; i < 5; i++) {
        assertThat(hits.score(i))
            .isCloseTo(Exact.dot(VECTORS[3], VECTORS[hits.row(i)]), Offset.offset(1e-5f));
      }
    }
  }

  @Test
  void anInterruptedBuildEndsAndSaysSo() {
    IndexConfig config = config(IndexConfig.Type.HNSW, 0.9, 0);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> build(config, VECTORS))
        .isInstanceOf(IndexException.class)
        .hasMessage("interrupted while building index HNSW16");
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void listenersHearEveryStage() {
    EnumSet<BuildListener.Stage> heard = EnumSet.noneOf(BuildListener.Stage.class);
    try (FaissBuilder builder =
        new FaissBuilder(8, config(IndexConfig.Type.IVF_SQ8, 0.9, 0))
            .listener((stage, type, done, total) -> heard.add(stage))) {
      builder.add(Exact.flatten(VECTORS), VECTORS.length);
      builder.build(new float[0], 0).index().close();
    }
    assertThat(heard)
        .containsExactly(
            BuildListener.Stage.TRAINING, BuildListener.Stage.ADDING, BuildListener.Stage.TUNING);
  }

  @Test
  void badNumbersNameTheItem() {
    try (FaissBuilder builder =
        new FaissBuilder(2, IndexConfig.of(IndexConfig.Type.FLAT))
            .names(row -> "item 'm" + row + "'")) {
      builder.add(new float[] {1, 2}, 1);
      assertThatThrownBy(() -> builder.add(new float[] {3, 4, 5, Float.NaN}, 2))
          .isInstanceOf(IndexException.class)
          .hasMessage("expected finite vectors, found NaN in item 'm2', component 1");
    }
  }

  private static BuiltIndex build(IndexConfig config, float[][] vectors) {
    int dimension = vectors.length == 0 ? 8 : vectors[0].length;
    try (FaissBuilder builder = new FaissBuilder(dimension, config)) {
      builder.add(vectors.length == 0 ? new float[0] : Exact.flatten(vectors), vectors.length);
      return builder.build(new float[0], 0);
    }
  }

  private static FaissIndex read(Path file, int dimension, int size) {
    return FaissIndex.read(file, new FaissIndex.Facts("Flat", dimension, size));
  }

  private static IndexConfig config(IndexConfig.Type type, double minRecall, int efSearch) {
    return IndexConfig.of(type)
        .withRecall(minRecall, 10)
        .withGraph(new IndexConfig.Graph(16, 40, efSearch));
  }
}
