package io.tandem.index.faiss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tandem.config.IndexConfig;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.BuiltIndex;
import io.tandem.index.Exact;
import io.tandem.index.IndexException;
import io.tandem.index.RowSet;
import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import io.tandem.index.VectorIndexContract;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.data.Percentage;
import org.bytedeco.javacpp.FloatPointer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Every index type keeps the contract, and what it keeps in files. */
@ParameterizedClass(name = "{0}")
@MethodSource("types")
final class FaissIndexTypesTest extends VectorIndexContract {
  private static final Map<String, VectorIndex> SHARED = new HashMap<>();

  private final Subject subject;

  FaissIndexTypesTest(Subject subject) {
    this.subject = subject;
  }

  /**
   * A type and what can be asked of it.
   *
   * @param exactScores whether scores are dot products of whole vectors
   */
  record Subject(IndexConfig config, double recall, boolean exactScores) {
    @Override
    public String toString() {
      String factory = config.factory();
      return (factory == null ? config.type().toString() : factory)
          + (config.pca() > 0 ? " pca " + config.pca() : "")
          + (config.memoryLimit() > 0 ? " within " + config.memoryLimit() : "")
          + (config.metric() == IndexConfig.Metric.COSINE ? " cosine" : "");
    }
  }

  @AfterAll
  static void close() {
    SHARED.values().forEach(VectorIndex::close);
    SHARED.clear();
  }

  @Override
  protected VectorIndex shared() {
    return SHARED.computeIfAbsent(subject.toString(), name -> build(vectors(), SIZE));
  }

  static Stream<Subject> types() {
    return Stream.of(
        new Subject(of(IndexConfig.Type.AUTO, 1), 1, true),
        new Subject(of(IndexConfig.Type.AUTO, 0.95).withMemoryLimit(90_000), 0.93, true),
        new Subject(of(IndexConfig.Type.FLAT, 1), 1, true),
        new Subject(of(IndexConfig.Type.FLAT_FP16, 0.98), 0.98, false),
        new Subject(of(IndexConfig.Type.HNSW, 0.97), 0.95, true),
        new Subject(of(IndexConfig.Type.IVF_FLAT, 0.97), 0.95, true),
        new Subject(of(IndexConfig.Type.IVF_SQ8, 0.97), 0.95, true),
        new Subject(of(IndexConfig.Type.IVF_FP16, 0.97), 0.95, false),
        new Subject(of(IndexConfig.Type.IVF_PQ_FAST_SCAN, 0.97), 0.95, true),
        new Subject(of(IndexConfig.Type.HNSW, 0.97).withPca(12), 0.95, true),
        new Subject(of(IndexConfig.Type.IVF_SQ8, 0.97).withPca(12), 0.95, true),
        new Subject(cosine(IndexConfig.Type.FLAT, 1), 1, true),
        new Subject(factory("IVF16,SQ8", 0.9), 0.9, false),
        new Subject(cosine(IndexConfig.Type.HNSW, 0.97), 0.95, true),
        new Subject(cosine(IndexConfig.Type.IVF_SQ8, 0.97), 0.95, true),
        new Subject(cosine(IndexConfig.Type.IVF_PQ_FAST_SCAN, 0.97), 0.95, true),
        new Subject(factory("RR16,Flat", 0.9), 0.9, false),
        new Subject(factory("RR16,IVF16,SQ8", 0.9), 0.9, false),
        new Subject(factory("PQ16x4fs", 0.9), 0.9, true),
        new Subject(factory("IVF16,PQ8np", 0.5), 0.5, false),
        new Subject(factory("HNSW16,SQ8", 0.9), 0.9, false));
  }

  private static IndexConfig of(IndexConfig.Type type, double recall) {
    return IndexConfig.of(type).withRecall(recall, 10).withGraph(new IndexConfig.Graph(16, 40, 0));
  }

  private static IndexConfig cosine(IndexConfig.Type type, double recall) {
    return of(type, recall).withMetric(IndexConfig.Metric.COSINE);
  }

  private static IndexConfig factory(String factory, double recall) {
    return IndexConfig.ofFactory(factory).withRecall(recall, 10);
  }

  @Override
  protected VectorIndex build(float[] vectors, int n) {
    return build(subject.config, vectors, n);
  }

  @Override
  protected VectorIndex buildAny(float[] vectors, int n) {
    return build(subject.config.withRecall(1e-9, 10), vectors, n);
  }

  @Override
  protected double recall() {
    return subject.recall;
  }

  @Override
  protected boolean exactScores() {
    return subject.exactScores;
  }

  @Override
  protected boolean cosine() {
    return subject.config.metric() == IndexConfig.Metric.COSINE;
  }

  @Test
  void numbersThatAreNoneAreRefusedWithTheItemNamed() {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      try (FaissBuilder builder =
          new FaissBuilder(DIMENSION, subject.config).names(row -> "item 'm" + row + "'")) {
        builder.add(vectors(), 40);
        float[] vector = new float[DIMENSION];
        vector[5] = bad;
        assertThatThrownBy(() -> builder.add(vector, 1))
            .isInstanceOf(IndexException.class)
            .hasMessage(
                "expected finite vectors, found %s in item 'm40', component 5".formatted(bad));
      }
    }
  }

  @Test
  void estimatesHoldWhatTheIndexTakes() {
    assumeTrue(subject.config.factory() == null, "no estimate is made for factory strings");
    try (FaissBuilder builder =
        new FaissBuilder(DIMENSION, subject.config.withMemoryLimit(0).withRecall(1e-9, 10))) {
      builder.add(vectors(), SIZE);
      BuiltIndex built = builder.build(new float[0], 0);
      try (FaissIndex index = (FaissIndex) built.index()) {
        IndexConfig.Type chosen =
            subject.config.type() == IndexConfig.Type.AUTO
                ? IndexConfig.Type.FLAT
                : subject.config.type();
        Recipe recipe = Recipe.of(subject.config.withType(chosen), SIZE, DIMENSION);
        assertThat(built.type()).isEqualTo(recipe.name());
        assertThat(built.report().bytes()).isEqualTo(index.bytes());
        // What transforms and codebooks take does not grow with the vectors.
        long fixed = 8192;
        assertThat(recipe.bytes()).isBetween(index.bytes() - fixed, (long) (1.15 * index.bytes()));
      }
    }
  }

  @Test
  void whatASearchComparesIsCounted() {
    float[][] vectors = Exact.vectors(SIZE, DIMENSION, 1);
    try (FaissIndex index = (FaissIndex) build(vectors(), SIZE)) {
      Structure structure = index.structure();
      RowSet few = RowSet.of(SIZE, 5, 6, 70);
      TopK hits = new TopK();
      index.search(vectors[0], 2, few, hits);
      assertThat(hits.scanned()).isEqualTo(3);
      switch (structure.kind()) {
        case FLAT, OTHER -> assertThat(scanned(index, vectors, 1)).isEqualTo(SIZE);
        case GRAPH -> {
          index.use(10, 1);
          assertThat(scanned(index, vectors, 10)).isBetween(20.0, SIZE / 2.0);
          // Every row of the lowest layer once, and some more on the way to it.
          index.use(SIZE, 1);
          assertThat(scanned(index, vectors, 10)).isBetween(0.99 * SIZE, 1.2 * SIZE);
        }
        case LISTS, FAST_SCAN -> {
          index.use(3, 1);
          // Which lists are nearest, their centroids' codes decide, with small differences.
          assertThat(scanned(index, vectors, 1))
              .isCloseTo(codesOfThreeLists(structure, vectors), Percentage.withPercentage(5));
          index.use(structure.listCount(), 1);
          assertThat(scanned(index, vectors, 1)).isEqualTo(SIZE);
        }
      }
    }
  }

  /** On average. */
  private static double scanned(FaissIndex index, float[][] queries, int k) {
    TopK hits = new TopK();
    double sum = 0;
    for (int i = 0; i < 40; i++) {
      index.search(queries[i], k, hits);
      sum += hits.scanned();
    }
    return sum / 40;
  }

  private static double codesOfThreeLists(Structure structure, float[][] queries) {
    try (FloatPointer first = new FloatPointer(Exact.flatten(Arrays.copyOf(queries, 40)))) {
      return faiss.probed_codes(structure.index(), 40, first, 3) / 40.0;
    }
  }

  @Test
  void structuresFilterWhereAllowedRowsAreMany() {
    float[][] vectors = Exact.vectors(SIZE, DIMENSION, 1);
    Exact exact = new Exact(vectors);
    try (FaissIndex index = (FaissIndex) build(Exact.flatten(vectors), SIZE)) {
      index.fewRows(0);
      for (int every : new int[] {1, 2, 5, 20}) {
        RowSet allowed =
            RowSet.of(SIZE, IntStream.range(0, SIZE).filter(row -> row % every == 0).toArray());
        int found = 0;
        for (int i = 0; i < 40; i++) {
          TopK hits = new TopK();
          index.search(vectors[i], 10, allowed, hits);
          List<Integer> rows = IntStream.range(0, hits.size()).mapToObj(hits::row).toList();
          assertThat(rows).hasSize(10).doesNotHaveDuplicates().allMatch(allowed::contains);
          List<Integer> expected = exact.search(vectors[i], 10, allowed::contains);
          found += (int) rows.stream().filter(expected::contains).count();
        }
        assertThat(found / 400.0).as("every %d", every).isGreaterThan(subject.recall - 0.1);
      }
    }
  }

  @Test
  void filesAnswerAsTheIndexDid(@TempDir Path folder) {
    float[][] vectors = Exact.vectors(SIZE, DIMENSION, 1);
    Path file = folder.resolve("items.faiss");
    try (FaissBuilder builder = new FaissBuilder(DIMENSION, subject.config)) {
      builder.add(Exact.flatten(vectors), SIZE);
      var built = builder.build(new float[0], 0);
      try (FaissIndex index = (FaissIndex) built.index()) {
        index.write(file);
        FaissIndex.Facts facts =
            new FaissIndex.Facts(built.type(), DIMENSION, SIZE, built.parameters(), built.report());
        try (FaissIndex read = FaissIndex.read(file, facts)) {
          assertThat(read.type()).isEqualTo(built.type());
          RowSet half = RowSet.of(SIZE, IntStream.range(0, SIZE / 2).toArray());
          float[] one = new float[DIMENSION];
          float[] other = new float[DIMENSION];
          for (int i = 0; i < 20; i++) {
            assertThat(search(read, vectors[i], half)).isEqualTo(search(index, vectors[i], half));
            read.vector(i, one);
            index.vector(i, other);
            assertThat(one).isEqualTo(other);
          }
        }
      }
    }
  }

  private static List<Integer> search(VectorIndex index, float[] query, RowSet allowed) {
    TopK hits = new TopK();
    index.search(query, 10, hits);
    List<Integer> rows = new ArrayList<>();
    IntStream.range(0, hits.size()).forEach(i -> rows.add(hits.row(i)));
    index.search(query, 10, allowed, hits);
    IntStream.range(0, hits.size()).forEach(i -> rows.add(hits.row(i)));
    return rows;
  }

  private static VectorIndex build(IndexConfig config, float[] vectors, int n) {
    try (FaissBuilder builder = new FaissBuilder(DIMENSION, config)) {
      builder.add(vectors, n);
      return builder.build(new float[0], 0).index();
    }
  }
}
