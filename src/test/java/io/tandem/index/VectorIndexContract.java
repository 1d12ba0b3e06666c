package io.tandem.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every index promises, whatever its structure; exact search is the oracle. */
public abstract class VectorIndexContract {
  protected static final int SIZE = 3000;
  protected static final int DIMENSION = 16;
  private static final float[][] VECTORS = Exact.vectors(SIZE, DIMENSION, 1);
  private static final float[][] QUERIES = Exact.vectors(40, DIMENSION, 1);

  private final Exact exact = new Exact(VECTORS);
  private VectorIndex index;

  /** Builds the index over vectors, [n × DIMENSION] row-major, and keeps its promise. */
  protected abstract VectorIndex build(float[] vectors, int n);

  /** Builds the index without a promise. */
  protected abstract VectorIndex buildAny(float[] vectors, int n);

  /** Mean share of the exact top 10 that the index must find. */
  protected abstract double recall();

  /** Whether scores are dot products of whole vectors, not of their codes. */
  protected abstract boolean exactScores();

  /** Whether vectors are scaled to length 1 before they are searched. */
  protected abstract boolean cosine();

  /** The index over the vectors of the contract, built once for all tests and closed by others. */
  protected abstract VectorIndex shared();

  /** SIZE vectors of the contract, row-major. */
  protected static float[] vectors() {
    return Exact.flatten(VECTORS);
  }

  @BeforeEach
  void takeShared() {
    index = shared();
  }

  @Test
  void knowsItsSizeAndDimension() {
    assertThat(index.size()).isEqualTo(SIZE);
    assertThat(index.dimension()).isEqualTo(DIMENSION);
  }

  @Test
  void findsTheNearestRowsBestFirst() {
    int found = 0;
    for (float[] query : QUERIES) {
      List<Integer> hits = search(query, 10);
      assertThat(hits).hasSize(10).doesNotHaveDuplicates();
      found += overlap(hits, exact.search(query, 10, row -> true));
    }
    assertThat(found / (10.0 * QUERIES.length)).isGreaterThanOrEqualTo(recall());
  }

  @Test
  void scoresAreDotProductsInDescendingOrder() {
    TopK hits = new TopK();
    for (float[] query : QUERIES) {
      index.search(query, 20, hits);
      for (int i = 0; i < hits.size(); i++) {
        if (exactScores()) {
          assertThat(hits.score(i)).isCloseTo(Exact.dot(query, VECTORS[hits.row(i)]), within());
        }
        if (i > 0) {
          assertThat(hits.score(i)).isLessThanOrEqualTo(hits.score(i - 1));
        }
      }
    }
  }

  @Test
  void batchedSearchAnswersAsOneByOne() {
    int n = QUERIES.length;
    int[] rows = new int[n * 5];
    float[] scores = new float[n * 5];
    index.search(Exact.flatten(QUERIES), n, 5, rows, scores);
    for (int i = 0; i < n; i++) {
      assertThat(IntStream.of(Arrays.copyOfRange(rows, i * 5, i * 5 + 5)).boxed().toList())
          .isEqualTo(search(QUERIES[i], 5));
    }
  }

  @Test
  void cutoffAboveTheSizeReturnsEveryRowOnce() {
    assertThat(search(QUERIES[0], SIZE + 5)).hasSize(SIZE).doesNotHaveDuplicates();
  }

  @Test
  void batchedCutoffAboveTheSizePadsWithMinusOne() {
    int k = SIZE + 2;
    int[] rows = new int[k];
    index.search(QUERIES[0], 1, k, rows, new float[k]);
    assertThat(rows[SIZE - 1]).isNotEqualTo(-1);
    assertThat(rows[SIZE]).isEqualTo(-1);
    assertThat(rows[SIZE + 1]).isEqualTo(-1);
  }

  @Test
  void onlyAllowedRowsAreReturnedAndAsManyAsAsked() {
    for (int every : new int[] {2, 3, 50, 700}) {
      RowSet allowed =
          RowSet.of(SIZE, IntStream.range(0, SIZE).filter(row -> row % every == 0).toArray());
      for (float[] query : QUERIES) {
        List<Integer> hits = search(query, 10, allowed);
        assertThat(hits)
            .hasSize(Math.min(10, allowed.cardinality()))
            .doesNotHaveDuplicates()
            .allMatch(row -> row % every == 0);
      }
    }
  }

  @Test
  void recallHoldsUnderFilters() {
    for (double share : new double[] {1, 0.5, 0.1, 0.01}) {
      RowSet allowed = share(share);
      int found = 0;
      int existing = 0;
      for (float[] query : QUERIES) {
        List<Integer> expected = exact.search(query, 10, allowed::contains);
        List<Integer> hits = search(query, 10, allowed);
        assertThat(hits).hasSize(expected.size()).allMatch(allowed::contains);
        found += overlap(hits, expected);
        existing += expected.size();
      }
      assertThat((double) found / existing).as("share %s", share).isGreaterThanOrEqualTo(recall());
    }
  }

  @Test
  void fewAllowedRowsAreSearchedExactly() {
    RowSet allowed = RowSet.of(SIZE, 7, 300, 301, 2999);
    for (float[] query : QUERIES) {
      List<Integer> expected = exact.search(query, 3, allowed::contains);
      List<Integer> hits = search(query, 3, allowed);
      if (exactScores()) {
        assertThat(hits).isEqualTo(expected);
      } else {
        assertThat(hits).hasSize(3).allMatch(allowed::contains);
      }
    }
  }

  @Test
  void oneAllowedRowIsFound() {
    for (int row : new int[] {0, 1499, SIZE - 1}) {
      assertThat(search(QUERIES[row % QUERIES.length], 10, RowSet.of(SIZE, row)))
          .containsExactly(row);
    }
  }

  @Test
  void allowingEveryRowFindsAtLeastAsMuchAsNoFilter() {
    RowSet all = RowSet.allBut(SIZE, new int[0], 0);
    int found = 0;
    for (float[] query : QUERIES) {
      found += overlap(search(query, 10, all), exact.search(query, 10, row -> true));
    }
    assertThat(found / (10.0 * QUERIES.length)).isGreaterThanOrEqualTo(recall());
  }

  @Test
  void allowingNoRowReturnsNothing() {
    assertThat(search(QUERIES[0], 10, RowSet.of(SIZE))).isEmpty();
  }

  @Test
  void vectorsCanBeReadBack() {
    float[] vector = new float[DIMENSION];
    index.vector(1234, vector);
    assertThat(index.keepsVectors()).isEqualTo(exactScores());
    if (exactScores()) {
      assertThat(vector).containsExactly(VECTORS[1234], within());
    } else {
      assertThat(Exact.dot(vector, VECTORS[1234])).isGreaterThan(0.9f);
    }
  }

  @Test
  void searchesFromManyThreadsAnswerAsFromOne() throws Exception {
    List<List<Integer>> expected = new ArrayList<>();
    for (float[] query : QUERIES) {
      expected.add(search(query, 10));
    }
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Future<List<List<Integer>>>> answers = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        answers.add(
            threads.submit(
                () -> {
                  List<List<Integer>> found = new ArrayList<>();
                  for (float[] query : QUERIES) {
                    found.add(search(query, 10));
                  }
                  return found;
                }));
      }
      for (Future<List<List<Integer>>> answer : answers) {
        assertThat(answer.get()).isEqualTo(expected);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void badQueriesAreRefusedBeforeTheyReachNativeCode() {
    TopK hits = new TopK();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.search(new float[DIMENSION + 1], 1, hits))
        .withMessageContaining("expected a query of dimension 16, found 17");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.search(QUERIES[0], 0, hits))
        .withMessageContaining("expected k of at least 1, found 0");
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      float[] query = QUERIES[0].clone();
      query[3] = bad;
      assertThatIllegalArgumentException()
          .isThrownBy(() -> index.search(query, 1, hits))
          .withMessageContaining("expected finite numbers, found " + bad + " at 3");
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.search(QUERIES[0], 1, RowSet.of(SIZE - 1), hits))
        .withMessageContaining("expected a set of rows below 3000, found one below 2999");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.search(new float[DIMENSION], 2, 1, new int[2], new float[2]))
        .withMessageContaining("expected room for 2 queries");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.vector(SIZE, new float[DIMENSION]))
        .withMessageContaining("found 3000");
  }

  @Test
  void closedIndexRefusesToSearch() {
    VectorIndex other = build(Exact.flatten(VECTORS), SIZE);
    other.close();
    other.close();
    assertThatThrownBy(() -> other.search(QUERIES[0], 1, new TopK()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("is closed");
  }

  @Test
  void corporaOfAnySizeAreBuiltAndSearched() {
    for (int n : new int[] {1, 2, 9, 17, 300}) {
      try (VectorIndex few = buildAny(Exact.flatten(Arrays.copyOf(VECTORS, n)), n)) {
        for (float[] query : QUERIES) {
          assertThat(search(few, query, 20)).hasSize(Math.min(20, n)).doesNotHaveDuplicates();
        }
        assertThat(search(few, QUERIES[0], 5, RowSet.of(n, n - 1))).containsExactly(n - 1);
      }
    }
  }

  @Test
  void copiesAreReturnedAndNoneTwice() {
    float[][] vectors = new float[600][];
    for (int row = 0; row < vectors.length; row++) {
      vectors[row] = VECTORS[row % 20];
    }
    try (VectorIndex copies = buildAny(Exact.flatten(vectors), vectors.length)) {
      RowSet even =
          RowSet.of(600, IntStream.range(0, 600).filter(row -> row / 20 % 2 == 0).toArray());
      RowSet tenth =
          RowSet.of(600, IntStream.range(0, 600).filter(row -> row / 20 % 10 == 7).toArray());
      for (int i = 0; i < 20; i++) {
        assertCopies(search(copies, VECTORS[i], 30), i, 30);
        assertCopies(search(copies, VECTORS[i], 15, even), i, 15);
        assertCopies(search(copies, VECTORS[i], 3, tenth), i, 3);
      }
    }
  }

  private void assertCopies(List<Integer> hits, int original, int count) {
    assertThat(hits).hasSize(count).doesNotHaveDuplicates();
    if (exactScores()) {
      assertThat(hits).allMatch(row -> row % 20 == original);
    }
  }

  @Test
  void equalVectorsAreAllReturned() {
    float[][] vectors = new float[200][];
    Arrays.fill(vectors, VECTORS[0]);
    try (VectorIndex same = buildAny(Exact.flatten(vectors), vectors.length)) {
      assertThat(search(same, QUERIES[1], 250)).hasSize(200).doesNotHaveDuplicates();
    }
  }

  @Test
  void zeroVectorsAreItemsToo() {
    float[][] vectors = Arrays.copyOf(VECTORS, 500);
    for (int row = 0; row < vectors.length; row += 3) {
      vectors[row] = new float[DIMENSION];
    }
    try (VectorIndex zeros = buildAny(Exact.flatten(vectors), vectors.length)) {
      assertThat(search(zeros, QUERIES[0], 500)).hasSize(500).doesNotHaveDuplicates();
      assertThat(search(zeros, new float[DIMENSION], 7)).hasSize(7).doesNotHaveDuplicates();
    }
    float[] none = new float[100 * DIMENSION];
    try (VectorIndex zeros = buildAny(none, 100)) {
      assertThat(search(zeros, QUERIES[0], 10)).hasSize(10).doesNotHaveDuplicates();
    }
  }

  @Test
  void largeNormsKeepThePromiseOrAreRefused() {
    float[][] vectors = Arrays.copyOf(VECTORS, 1000);
    for (int row = 0; row < vectors.length; row += 100) {
      vectors[row] = vectors[row].clone();
      for (int i = 0; i < DIMENSION; i++) {
        vectors[row][i] *= 1000;
      }
    }
    Exact oracle = cosine() ? exact : new Exact(vectors);
    try (VectorIndex large = build(Exact.flatten(vectors), vectors.length)) {
      int first = 0;
      for (float[] query : QUERIES) {
        List<Integer> hits = search(large, query, 10);
        assertThat(hits).hasSize(10).doesNotHaveDuplicates();
        first += hits.containsAll(oracle.search(query, 1, row -> row < 1000)) ? 1 : 0;
      }
      assertThat((double) first / QUERIES.length).isGreaterThanOrEqualTo(recall() - 0.1);
    } catch (IndexException refused) {
      assertThat(recall()).as("exact search is never refused").isLessThan(1);
      assertThat(refused).hasMessageContaining("expected recall@10 of at least");
    }
  }

  private static RowSet share(double share) {
    Random random = new Random(11);
    return RowSet.of(
        SIZE, IntStream.range(0, SIZE).filter(row -> random.nextDouble() < share).toArray());
  }

  private List<Integer> search(float[] query, int k) {
    return search(index, query, k);
  }

  private List<Integer> search(float[] query, int k, RowSet allowed) {
    return search(index, query, k, allowed);
  }

  private static List<Integer> search(VectorIndex index, float[] query, int k) {
    TopK hits = new TopK();
    index.search(query, k, hits);
    return rows(hits);
  }

  private static List<Integer> search(VectorIndex index, float[] query, int k, RowSet allowed) {
    TopK hits = new TopK();
    index.search(query, k, allowed, hits);
    return rows(hits);
  }

  private static List<Integer> rows(TopK hits) {
    return IntStream.range(0, hits.size()).map(hits::row).boxed().toList();
  }

  private static int overlap(List<Integer> found, List<Integer> expected) {
    HashSet<Integer> both = new HashSet<>(found);
    both.retainAll(expected);
    return both.size();
  }

  private static Offset<Float> within() {
    return Offset.offset(1e-5f);
  }
}
