package io.tandem.index.faiss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.IndexConfig;
import io.tandem.index.BuiltIndex;
import io.tandem.index.Exact;
import io.tandem.index.IndexException;
import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FaissBuilderTest {
  private static final float[][] VECTORS = Exact.vectors(2000, 8, 3);

  @Test
  void smallCorporaAreSearchedExactly() {
    BuiltIndex built = build(config(IndexConfig.Type.AUTO, null, 0.9, 0), VECTORS);
    try (VectorIndex index = built.index()) {
      assertThat(built.type()).isEqualTo("Flat");
      assertThat(built.recall()).isEqualTo(1);
      assertThat(index.size()).isEqualTo(2000);
    }
  }

  @Test
  void effortIsTheLeastThatReachesThePromisedRecall() {
    BuiltIndex low = build(config(IndexConfig.Type.HNSW, null, 0.5, 0), VECTORS);
    BuiltIndex high = build(config(IndexConfig.Type.HNSW, null, 0.999, 0), VECTORS);
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
    BuiltIndex built = build(config(IndexConfig.Type.HNSW, null, 1, 10), VECTORS);
    try (VectorIndex index = built.index()) {
      assertThat(index.type()).isEqualTo("HNSW16");
      assertThat(built.parameters()).isEqualTo(Map.of("efConstruction", 40, "efSearch", 10));
      assertThat(built.recall()).isBetween(0.1, 1.0);
      assertThat(built.recallAt()).isEqualTo(10);
    }
  }

  @Test
  void unreachableRecallIsRefused() {
    assertThatThrownBy(() -> build(config(IndexConfig.Type.FACTORY, "PQ2x4", 0.99, 0), VECTORS))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("index PQ2x4: expected recall@10 of at least 0.990, found 0.");
  }

  @Test
  void badFactoryStringsAreRefusedWithFaissReason() {
    assertThatThrownBy(() -> build(config(IndexConfig.Type.FACTORY, "Nonsense9", 0.9, 0), VECTORS))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("Nonsense9");
  }

  @Test
  void emptyCorporaAndBadNumbersAreRefused() {
    assertThatThrownBy(() -> build(config(IndexConfig.Type.FLAT, null, 0.9, 0), new float[0][8]))
        .isInstanceOf(IndexException.class)
        .hasMessage("expected at least 1 vector to index, found none");
    float[][] bad = {new float[8], new float[8]};
    bad[1][2] = Float.NaN;
    assertThatThrownBy(() -> build(config(IndexConfig.Type.FLAT, null, 0.9, 0), bad))
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
    BuiltIndex built = build(config(IndexConfig.Type.FLAT, null, 0.9, 0), ones);
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
  void writtenIndexAnswersTheSameWhenReadBack(@TempDir Path folder) {
    for (IndexConfig config :
        Arrays.asList(
            config(IndexConfig.Type.FLAT, null, 0.9, 0),
            config(IndexConfig.Type.HNSW, null, 0.9, 0),
            config(IndexConfig.Type.FACTORY, "IVF16,SQ8", 0.8, 0))) {
      Path file = folder.resolve("items.faiss");
      BuiltIndex built = build(config, VECTORS);
      try (VectorIndex index = built.index()) {
        ((FaissIndex) index).write(file);
        try (FaissIndex read = FaissIndex.read(file, built.type(), 8, 2000)) {
          assertThat(read.type()).isEqualTo(built.type());
          for (int i = 0; i < 20; i++) {
            assertThat(search(read, VECTORS[i])).isEqualTo(search(index, VECTORS[i]));
          }
        }
      }
    }
  }

  @Test
  void filesThatDoNotFitAreRefused(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("items.faiss");
    try (VectorIndex index = build(config(IndexConfig.Type.FLAT, null, 0.9, 0), VECTORS).index()) {
      ((FaissIndex) index).write(file);
    }
    assertThatThrownBy(() -> FaissIndex.read(file, "Flat", 9, 2000))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("expected dimension 9, found 8");
    assertThatThrownBy(() -> FaissIndex.read(file, "Flat", 8, 1999))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("expected vectors 1999, found 2000");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> FaissIndex.read(file, "Flat", 8, 2000))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("cannot read index " + file);
    Files.write(file, new byte[] {1});
    assertThatThrownBy(() -> FaissIndex.read(file, "Flat", 8, 2000))
        .isInstanceOf(IndexException.class)
        .hasMessageContaining("cannot read index " + file);
  }

  private static int[] search(VectorIndex index, float[] query) {
    TopK hits = new TopK();
    index.search(query, 10, hits);
    return IntStream.range(0, hits.size()).map(hits::row).toArray();
  }

  private static BuiltIndex build(IndexConfig config, float[][] vectors) {
    int dimension = vectors.length == 0 ? 8 : vectors[0].length;
    try (FaissBuilder builder = new FaissBuilder(dimension, config)) {
      builder.add(vectors.length == 0 ? new float[0] : Exact.flatten(vectors), vectors.length);
      return builder.build(new float[0], 0);
    }
  }

  private static IndexConfig config(
      IndexConfig.Type type, @Nullable String factory, double minRecall, int efSearch) {
    return new IndexConfig(type, factory, minRecall, 10, 16, 40, efSearch);
  }
}
