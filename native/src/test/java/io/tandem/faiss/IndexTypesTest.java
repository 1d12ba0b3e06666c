package io.tandem.faiss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.faiss.binding.IDSelector;
import io.tandem.faiss.binding.IDSelectorArray;
import io.tandem.faiss.binding.IDSelectorBatch;
import io.tandem.faiss.binding.IDSelectorNot;
import io.tandem.faiss.binding.IDSelectorRange;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.ParameterSpace;
import io.tandem.faiss.binding.global.faiss;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongPredicate;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the binding owes its users, over every index type that they may choose; exact search is the
 * oracle.
 */
class IndexTypesTest {
  private static final int K = 10;
  private static final int QUERIES = 50;
  private static final Vectors ITEMS = Vectors.clustered(10_000, 32, 100, 7);
  private static final Map<String, Index> BUILT = new HashMap<>();

  @TempDir Path folder;

  @AfterAll
  static void close() {
    BUILT.values().forEach(Index::close);
    BUILT.clear();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Flat                    | 0  | 1.00",
        "SQ8                     | 0  | 0.95",
        "SQfp16                  | 0  | 0.95",
        "HNSW16                  | 0  | 0.90",
        "HNSW16,SQ8              | 0  | 0.85",
        "IVF32,Flat              | 32 | 1.00",
        "IVF32,SQ8               | 32 | 0.90",
        "IVF32,PQ16np              | 32 | 0.60",
        "PCA24,IVF32,Flat        | 32 | 0.50",
        "OPQ4,IVF32,PQ4np          | 32 | 0.20",
        "IVF32,PQ16x4fs          | 0  | 0.15",
        "IVF32_HNSW8,Flat        | 32 | 0.95",
        "IVF32,PQ16x4fs,RFlat    | 0  | 0.15",
      })
  void everyTypeFindsWhatExactSearchFinds(String factory, int effort, double recall) {
    Index index = built(factory);
    assertThat(index.ntotal()).isEqualTo(ITEMS.count());
    assertThat(recall(index, effort)).isGreaterThanOrEqualTo(recall);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Flat",
        "SQ8",
        "HNSW16",
        "IVF32,Flat",
        "IVF32,SQ8",
        "IVF32,PQ16np",
        "PCA24,IVF32,Flat"
      })
  void aFilterLetsThroughOnlyItsRows(String factory) {
    Index index = built(factory);
    LongPointer odd = new LongPointer(LongStream.range(0, 2000).map(i -> 2 * i + 1).toArray());
    try (IDSelectorRange range = new IDSelectorRange(1000, 2000);
        IDSelectorNot others = new IDSelectorNot(range);
        IDSelectorBatch batch = new IDSelectorBatch(2000, odd);
        IDSelectorArray array = new IDSelectorArray(2000, odd)) {
      assertFiltered(index, range, row -> row >= 1000 && row < 2000);
      assertFiltered(index, others, row -> row < 1000 || row >= 2000);
      assertFiltered(index, batch, row -> row % 2 == 1);
      if (!factory.startsWith("HNSW")) { // an array is scanned from the start for every row visited
        assertFiltered(index, array, row -> row % 2 == 1);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"Flat", "SQ8", "HNSW16", "IVF32,Flat", "IVF32,PQ16np", "PCA24,IVF32,Flat"})
  void aBitmapFilterIsOneCall(String factory) {
    byte[] third = new byte[ITEMS.count() / 8];
    for (int row = 0; row < ITEMS.count(); row += 3) {
      third[row / 8] |= (byte) (1 << row % 8);
    }
    Result result = new Result();
    Faiss.run(
        () ->
            faiss.search_bitmap(
                built(factory),
                QUERIES,
                ITEMS.values(),
                K,
                effort(factory),
                third,
                third.length,
                result.scores,
                result.rows));
    assertThat(LongStream.of(result.rows)).allMatch(row -> row == -1 || row % 3 == 0);
    assertThat(result.rows[0]).isZero();
  }

  @Test
  void aFilterThatNothingPassesGivesMinusOne() {
    try (IDSelectorRange nothing = new IDSelectorRange(5, 5)) {
      assertThat(search(built("Flat"), 0, nothing).rows).containsOnly(-1);
      assertThat(search(built("IVF32,Flat"), 4, nothing).rows).containsOnly(-1);
    }
  }

  @Test
  void anEmptyIndexGivesMinusOne() {
    try (Index empty = Faiss.create(ITEMS.dimension(), "Flat", Metric.INNER_PRODUCT)) {
      assertThat(search(empty, 0, null).rows).containsOnly(-1);
    }
  }

  @Test
  void rowsBeyondTheEndAreRefused() {
    int count = ITEMS.count();
    try (IDSelectorRange range = new IDSelectorRange(count + 1, count + 5);
        LongPointer rows = new LongPointer(3, count);
        IDSelectorArray array = new IDSelectorArray(2, rows)) {
      assertThatThrownBy(() -> search(built("Flat"), 0, range))
          .isInstanceOf(FaissException.class)
          .hasMessage("expected a range of rows within [0, 10000), found [10001, 10005)");
      assertThatThrownBy(() -> search(built("Flat"), 0, array))
          .isInstanceOf(FaissException.class)
          .hasMessage("expected rows within [0, 10000), found 10000");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"IVF32,PQ16x4fs", "IVF32,PQ16x4fs,RFlat"})
  void typesThatCannotFilterSaySo(String factory) {
    try (IDSelectorRange range = new IDSelectorRange(0, 10)) {
      assertThatThrownBy(() -> search(built(factory), 0, range)).isInstanceOf(FaissException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"SQ8", "HNSW16", "HNSW16,SQ8", "PCA24,HNSW16", "IVF32,Flat", "IVF32,PQ16np"})
  void oneQueryAtATimeFindsWhatABatchFinds(String factory) {
    Index index = built(factory);
    Result batch = search(index, effort(factory), null);
    float[] scores = new float[K];
    long[] rows = new long[K];
    for (int query = 0; query < QUERIES; query++) {
      float[] x =
          Arrays.copyOfRange(
              ITEMS.values(), query * ITEMS.dimension(), (query + 1) * ITEMS.dimension());
      Faiss.run(() -> faiss.search(index, 1, x, K, effort(factory), null, scores, rows));
      assertThat(rows).isEqualTo(Arrays.copyOfRange(batch.rows, query * K, (query + 1) * K));
      assertThat(scores)
          .containsExactly(
              Arrays.copyOfRange(batch.scores, query * K, (query + 1) * K), within(1e-5f));
    }
  }

  @Test
  void oneFilteredQueryOnAGraphReturnsOnlyItsRows() {
    Index index = built("HNSW16");
    try (IDSelectorRange range = new IDSelectorRange(0, 5000)) {
      float[] scores = new float[K];
      long[] rows = new long[K];
      Faiss.run(() -> faiss.search(index, 1, ITEMS.values(), K, 100, range, scores, rows));
      assertThat(LongStream.of(rows)).allMatch(row -> row >= -1 && row < 5000).contains(0L);
    }
  }

  @Test
  void moreProbesFindMore() {
    Index index = built("IVF32,Flat");
    assertThat(recall(index, 1)).isLessThan(recall(index, 32)).isGreaterThan(0.3);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Flat",
        "SQ8",
        "HNSW16",
        "IVF32,Flat",
        "IVF32,PQ16np",
        "OPQ4,IVF32,PQ4np",
        "IVF32,PQ16x4fs,RFlat"
      })
  void aFileGivesBackTheSameIndex(String factory) {
    Path file = folder.resolve("items.faiss");
    Index index = built(factory);
    Faiss.write(index, file);
    Result expected = search(index, effort(factory), null);
    for (Storage storage : Storage.values()) {
      try (Index read = Faiss.read(file, ITEMS.dimension(), storage)) {
        Result found = search(read, effort(factory), null);
        assertThat(found.rows).isEqualTo(expected.rows);
        assertThat(found.scores).isEqualTo(expected.scores);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Flat", "SQ8", "HNSW16", "IVF32,Flat", "IVF32,PQ16np"})
  void aDamagedFileIsRefusedWhereverItEnds(String factory) throws Exception {
    Path file = folder.resolve("items.faiss");
    Faiss.write(built(factory), file);
    byte[] whole = Files.readAllBytes(file);
    for (int length : new int[] {0, 3, 20, 60, whole.length / 2, whole.length - 1}) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> Faiss.read(file, ITEMS.dimension(), Storage.MEMORY))
          .as("%d of %d bytes", length, whole.length)
          .isInstanceOf(FaissException.class)
          .hasMessageStartingWith("cannot read index " + file + ": ");
    }
  }

  @Test
  void aFileOfAnotherDimensionIsRefused() {
    Path file = folder.resolve("items.faiss");
    Faiss.write(built("Flat"), file);
    assertThatThrownBy(() -> Faiss.read(file, 64, Storage.MEMORY))
        .isInstanceOf(FaissException.class)
        .hasMessage("index " + file + ": expected dimension 64, found 32");
  }

  @Test
  void aClosedIndexGivesItsMemoryBack() {
    Path file = folder.resolve("items.faiss");
    Faiss.write(built("Flat"), file);
    long before = Pointer.physicalBytes();
    for (int i = 0; i < 400; i++) { // 1.3 MB each
      Faiss.read(file, ITEMS.dimension(), Storage.MEMORY).close();
    }
    assertThat(Pointer.physicalBytes() - before).isLessThan(100_000_000);
  }

  @Test
  void parametersCanBeSetByName() {
    try (Index index = Faiss.create(32, "PCA24,IVF32,Flat", Metric.L2);
        ParameterSpace space = new ParameterSpace()) {
      Faiss.run(() -> space.set_index_parameters(index, "nprobe=7"));
      assertThat(faiss.inverted_file(index).nprobe()).isEqualTo(7);
      assertThat(faiss.graph(index)).isNull();
      assertThat(faiss.flat(index)).isNull();
    }
  }

  @Test
  void theBareCostOfASearchIsMeasuredInsideTheLibrary() {
    long[] nanoseconds = new long[QUERIES];
    Result last = new Result();
    Faiss.run(
        () ->
            faiss.time_searches(
                built("Flat"), QUERIES, ITEMS.values(), K, 0, nanoseconds, last.scores, last.rows));
    assertThat(LongStream.of(nanoseconds)).allMatch(time -> time > 0 && time < 1_000_000_000L);
    assertThat(Arrays.copyOf(last.rows, K)).isEqualTo(ITEMS.nearest(QUERIES - 1, K));
  }

  private static Index built(String factory) {
    return BUILT.computeIfAbsent(
        factory,
        description -> {
          Index index = Faiss.create(ITEMS.dimension(), description, Metric.INNER_PRODUCT);
          try (FloatPointer x = ITEMS.pointer()) {
            Faiss.run(() -> index.train(ITEMS.count(), x));
            Faiss.run(() -> index.add(ITEMS.count(), x));
          }
          return index;
        });
  }

  private static int effort(String factory) {
    return factory.contains("IVF") && !factory.contains("fs") ? 32 : 0;
  }

  private static void assertFiltered(Index index, IDSelector selector, LongPredicate allowed) {
    Result result = search(index, 0, selector);
    assertThat(LongStream.of(result.rows)).allMatch(row -> row == -1 || allowed.test(row));
    assertThat(LongStream.of(result.rows)).anyMatch(allowed::test);
  }

  private static double recall(Index index, int effort) {
    Result result = search(index, effort, null);
    int found = 0;
    for (int q = 0; q < QUERIES; q++) {
      long[] rows = Arrays.copyOfRange(result.rows, q * K, (q + 1) * K);
      found +=
          (int)
              LongStream.of(ITEMS.nearest(q, K))
                  .filter(r -> LongStream.of(rows).anyMatch(x -> x == r))
                  .count();
    }
    return found / (double) (QUERIES * K);
  }

  private static Result search(Index index, int effort, @Nullable IDSelector selector) {
    Result result = new Result();
    Faiss.run(
        () ->
            faiss.search(
                index, QUERIES, ITEMS.values(), K, effort, selector, result.scores, result.rows));
    return result;
  }

  /** Scores and rows, [QUERIES, K]. */
  private static final class Result {
    final float[] scores = new float[QUERIES * K];
    final long[] rows = new long[QUERIES * K];
  }
}
