package io.tandem.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class RankingTest {

  @Test
  void metricsOfAHandWorkedCase() {
    // Items 4, 2, 0 are relevant and found at ranks 1, 3 and not at all.
    int[][] lists = {{4, 1, 2}};
    Metrics metrics = Metrics.of(lists, new int[][] {{0, 2, 4}}, 3);

    double ideal = 1 + 1 / (Math.log(3) / Math.log(2)) + 0.5;
    assertThat(metrics.recall()).isCloseTo(2.0 / 3, within(1e-12));
    assertThat(metrics.ndcg()).isCloseTo((1 + 0.5) / ideal, within(1e-12));
    assertThat(metrics.mrr()).isEqualTo(1);
    assertThat(metrics.hitRate()).isEqualTo(1);
    assertThat(metrics.precision()).isCloseTo(2.0 / 3, within(1e-12));
    assertThat(metrics.queries()).isEqualTo(1);
  }

  @Test
  void queriesWithoutRelevantItemsDoNotCount() {
    Metrics metrics = Metrics.of(new int[][] {{0}, {1}}, new int[][] {{}, {0}}, 1);

    assertThat(metrics).isEqualTo(new Metrics(1, 1, 0, 0, 0, 0, 0, 0));
  }

  @Test
  void accuracyIsTheShareOfAllHeldOutItemsFound() {
    int[][] lists = {{0, 9}, {5, 6}, {1, 2}};
    int[][] relevant = {{0, 1, 2, 3}, {5}, {}};

    assertThat(Metrics.of(lists, relevant, 2).accuracy()).isCloseTo(2.0 / 5, within(1e-12));
    assertThat(Metrics.of(lists, relevant, 2).recall()).isCloseTo(1.25 / 2, within(1e-12));
  }

  @Test
  void constantScoresEarnNothing() {
    Ranker constant = new ConstantRanker(new float[10]);
    Ranking.Question question = new Ranking.Question(new int[][] {{0, 3}}, new int[][] {{}});

    int[][] lists = Ranking.top(constant, question, 8);

    assertThat(lists[0]).containsExactly(1, 2, 4, 5, 6, 7, 8, 9);
  }

  @Test
  void cutOffsBeyondTheCorpusGiveAllOfIt() {
    Ranker ranker = new ConstantRanker(new float[] {1, 3, 2, Float.NaN});
    Ranking.Question question = new Ranking.Question(new int[][] {{0}}, new int[][] {{1}});

    assertThat(Ranking.top(ranker, question, 100)[0]).containsExactly(2, 0, 3);
    assertThatThrownBy(() -> Ranking.top(ranker, question, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("k (0) must be > 0");
  }

  @Property(tries = 200)
  void listsEqualASlowObviousRanking(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 40) int items,
      @ForAll @IntRange(min = 1, max = 6) int queries,
      @ForAll @IntRange(min = 1, max = 50) int k) {
    Random random = new Random(seed);
    float[][] scores = new float[queries][items];
    int[][] relevant = new int[queries][];
    int[][] excluded = new int[queries][];
    for (int query = 0; query < queries; query++) {
      List<Integer> wanted = new ArrayList<>();
      List<Integer> out = new ArrayList<>();
      for (int item = 0; item < items; item++) {
        // Few values, so that many scores are equal.
        scores[query][item] = random.nextInt(5);
        int kind = random.nextInt(4);
        if (kind == 0) {
          wanted.add(item);
        } else if (kind == 1) {
          out.add(item);
        }
      }
      relevant[query] = wanted.stream().mapToInt(i -> i).toArray();
      excluded[query] = out.stream().mapToInt(i -> i).toArray();
    }

    int[][] lists = Ranking.top(new Fixed(scores), new Ranking.Question(relevant, excluded), k);

    for (int query = 0; query < queries; query++) {
      assertThat(lists[query])
          .containsExactly(slow(scores[query], relevant[query], excluded[query], k));
    }
  }

  @Property(tries = 50)
  void embeddingsRankByTheirDotProducts(@ForAll long seed) {
    Random random = new Random(seed);
    int dim = 3;
    float[] queries = new float[4 * dim];
    float[] items = new float[9 * dim];
    for (int i = 0; i < items.length; i++) {
      items[i] = random.nextFloat() - 0.5f;
      if (i < queries.length) {
        queries[i] = random.nextFloat() - 0.5f;
      }
    }
    float[] scores = new float[3 * 9];

    new EmbeddingRanker(queries, items, dim).score(1, 4, scores);

    for (int query = 1; query < 4; query++) {
      for (int item = 0; item < 9; item++) {
        float expected = 0;
        for (int d = 0; d < dim; d++) {
          expected += queries[query * dim + d] * items[item * dim + d];
        }
        assertThat(scores[(query - 1) * 9 + item]).isCloseTo(expected, within(1e-5f));
      }
    }
  }

  @Test
  void queriesKeepTheirOwnValuesAndThoseThatDoNotCountHaveNone() {
    int[][] lists = {{0, 1, 2}, {2, 0, 1}, {1, 0, 2}};
    QueryMetrics metrics = QueryMetrics.of(lists, new int[][] {{1}, {}, {0, 1, 2}}, 2);

    assertThat(metrics.values(Measure.RECALL)).containsExactly(1, Double.NaN, 2.0 / 3);
    assertThat(metrics.values(Measure.PRECISION)).containsExactly(0.5, Double.NaN, 1);
    assertThat(metrics.values(Measure.MRR)).containsExactly(0.5, Double.NaN, 1);
    assertThat(metrics.values(Measure.NDCG)[2]).isEqualTo(1);
    assertThat(metrics.mean().queries()).isEqualTo(2);
    assertThat(metrics.mean().precision()).isEqualTo(0.75);
  }

  @Test
  void precisionIsOverKAlsoWhereTheCorpusIsSmaller() {
    assertThat(Metrics.of(new int[][] {{0, 1}}, new int[][] {{0}}, 4).precision()).isEqualTo(0.25);
  }

  private static int[] slow(float[] scores, int[] relevant, int[] excluded, int k) {
    List<Integer> order = new ArrayList<>();
    for (int item = 0; item < scores.length; item++) {
      int candidate = item;
      if (Arrays.stream(excluded).noneMatch(i -> i == candidate)) {
        order.add(item);
      }
    }
    order.sort(
        (a, b) -> {
          if (scores[a] != scores[b]) {
            return Float.compare(scores[b], scores[a]);
          }
          boolean relevantA = Arrays.stream(relevant).anyMatch(i -> i == a);
          boolean relevantB = Arrays.stream(relevant).anyMatch(i -> i == b);
          return relevantA != relevantB
              ? Boolean.compare(relevantA, relevantB)
              : Integer.compare(a, b);
        });
    return order.stream().limit(k).mapToInt(i -> i).toArray();
  }

  /** Scores from a table. */
  private record Fixed(float[][] table) implements Ranker {
    @Override
    public int items() {
      return table[0].length;
    }

    @Override
    public void score(int from, int to, float[] scores) {
      for (int query = from; query < to; query++) {
        System.arraycopy(table[query], 0, scores, (query - from) * items(), items());
      }
    }
  }
}
