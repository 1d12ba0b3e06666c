package io.tandem.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What every index promises, whatever its structure; exact search is the oracle. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class VectorIndexContract {
  protected static final int SIZE = 3000;
  protected static final int DIMENSION = 16;
  private static final float[][] VECTORS = Exact.vectors(SIZE, DIMENSION, 1);
  private static final float[][] QUERIES = Exact.vectors(40, DIMENSION, 1);

  private final Exact exact = new Exact(VECTORS);
  private VectorIndex index;

  /** Builds the index over vectors, [n × DIMENSION] row-major. */
  protected abstract VectorIndex build(float[] vectors, int n);

  /** Mean share of the exact top 10 that the index must find. */
  protected abstract double recall();

  /** Whether scores are dot products of whole vectors, not of their codes. */
  protected abstract boolean exactScores();

  @BeforeAll
  void build() {
    index = build(Exact.flatten(VECTORS), SIZE);
  }

  @AfterAll
  void close() {
    index.close();
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
    if (exactScores()) {
      assertThat(vector).containsExactly(VECTORS[1234]);
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

  private List<Integer> search(float[] query, int k) {
    TopK hits = new TopK();
    index.search(query, k, hits);
    return rows(hits);
  }

  private List<Integer> search(float[] query, int k, RowSet allowed) {
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
