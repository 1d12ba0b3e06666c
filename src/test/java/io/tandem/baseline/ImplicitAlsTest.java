package io.tandem.baseline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.baseline.ImplicitAls.Listener;
import io.tandem.baseline.ImplicitAls.Next;
import io.tandem.baseline.ImplicitAls.Settings;
import io.tandem.baseline.ImplicitAls.State;
import io.tandem.data.Interactions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ImplicitAlsTest {
  private static final Listener GO_ON = (progress, state) -> Next.CONTINUE;
  private static final int QUERIES = 60;
  private static final int ITEMS = 45;

  private static Settings settings(int dim, int sweeps, int threads) {
    return new Settings(dim, sweeps, 0.1, 0.01, 1, 0.5, 7, threads);
  }

  private static Interactions weighted() {
    return DenseAls.random(QUERIES, ITEMS, 20, 3, 0.5f, 1, 4);
  }

  @Property(tries = 40)
  void theObjectiveNeverRises(
      @ForAll @IntRange(min = 1, max = 40) int dim,
      @ForAll @DoubleRange(max = 1) double unobservedWeight,
      @ForAll @DoubleRange(min = 1e-2, max = 1) double regularization,
      @ForAll @DoubleRange(max = 1) double exponent,
      @ForAll @IntRange(min = 1, max = 30) int each,
      @ForAll long seed) {
    Settings settings =
        new Settings(dim, 6, unobservedWeight, regularization, exponent, 0.3, seed, 2);
    ImplicitAls als =
        new ImplicitAls(DenseAls.random(40, 30, each, seed, 0.5f, 1, 3), 30, settings);
    List<Double> objectives = new ArrayList<>();

    als.train(
        als.start(),
        (progress, state) -> {
          objectives.add(progress.objective());
          return Next.CONTINUE;
        });

    assertThat(objectives).hasSize(6);
    for (int sweep = 1; sweep < objectives.size(); sweep++) {
      double before = objectives.get(sweep - 1);
      assertThat(objectives.get(sweep)).isLessThanOrEqualTo(before * (1 + 1e-6));
    }
  }

  @Property(tries = 40)
  void theObjectiveIsTheSumOverAllPairs(
      @ForAll @IntRange(min = 1, max = 20) int dim,
      @ForAll @DoubleRange(max = 2) double unobservedWeight,
      @ForAll @DoubleRange(max = 1) double exponent,
      @ForAll @IntRange(min = 0, max = 3) int sweeps) {
    Settings settings = new Settings(dim, sweeps, unobservedWeight, 0.02, exponent, 1, 5, 2);
    Interactions train = weighted();
    ImplicitAls als = new ImplicitAls(train, ITEMS, settings);
    State state = als.solveItems(als.solveQueries(als.train(als.start(), GO_ON)));

    double expected = new DenseAls(train, ITEMS, settings).objective(state);

    assertThat(als.objective(state)).isCloseTo(expected, within(1e-6 * expected));
  }

  /** Rows have 1 to 20 pairs: at most of these widths, both ways of solving are used. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 7, 12, 33, 64})
  void bothHalvesOfASweepSolveTheirLeastSquaresProblem(int dim) {
    Settings settings = settings(dim, 1, 2);
    Interactions train = weighted();
    ImplicitAls als = new ImplicitAls(train, ITEMS, settings);
    DenseAls dense = new DenseAls(train, ITEMS, settings);

    State first = als.solveQueries(als.start());
    assertClose(first.queries(), dense.bestQueries(als.start()), 1e-4);

    State second = als.solveItems(first);
    assertClose(second.items(), dense.bestItems(first), 1e-4);
    assertThat(second.queries()).isEqualTo(first.queries());

    State sweep = als.train(als.start(), GO_ON);
    assertThat(sweep.queries()).isEqualTo(second.queries());
    assertThat(sweep.items()).isEqualTo(second.items());
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 16, 40})
  void theGradientVanishesForTheSideJustSolved(int dim) {
    Settings settings = settings(dim, 3, 1);
    Interactions train = weighted();
    ImplicitAls als = new ImplicitAls(train, ITEMS, settings);
    DenseAls dense = new DenseAls(train, ITEMS, settings);
    State trained = als.train(als.start(), GO_ON);
    State solvedQueries = als.solveQueries(trained);

    for (int item = 0; item < ITEMS; item++) {
      assertThat(norm(dense.itemGradient(trained, item))).isLessThan(1e-4);
    }
    for (int query = 0; query < QUERIES; query++) {
      assertThat(norm(dense.queryGradient(solvedQueries, query))).isLessThan(1e-4);
    }
    assertThat(norm(dense.queryGradient(als.start(), 0))).isGreaterThan(1e-2);
  }

  @Test
  void withoutUnobservedWeightOnlyObservedPairsCount() {
    Settings settings = new Settings(8, 1, 0, 0.05, 0, 0.5, 7, 1);
    Interactions train = weighted();
    ImplicitAls als = new ImplicitAls(train, ITEMS, settings);

    assertClose(
        als.solveQueries(als.start()).queries(),
        new DenseAls(train, ITEMS, settings).bestQueries(als.start()),
        1e-4);
  }

  @Test
  void resultsDoNotDependOnTheNumberOfThreads() {
    Interactions train = DenseAls.random(700, 300, 40, 3);
    ImplicitAls one = new ImplicitAls(train, 300, settings(24, 3, 1));
    ImplicitAls two = new ImplicitAls(train, 300, settings(24, 3, 2));
    ImplicitAls five = new ImplicitAls(train, 300, settings(24, 3, 5));

    State state = one.train(one.start(), GO_ON);

    for (ImplicitAls other : List.of(two, five)) {
      State same = other.train(other.start(), GO_ON);
      assertThat(same.queries()).isEqualTo(state.queries());
      assertThat(same.items()).isEqualTo(state.items());
      assertThat(other.objective(same)).isEqualTo(one.objective(state));
    }
  }

  @Test
  void anotherSeedGivesOtherVectors() {
    Settings settings = settings(4, 1, 1);
    Settings other = new Settings(4, 1, 0.1, 0.01, 1, 0.5, 8, 1);

    assertThat(new ImplicitAls(weighted(), ITEMS, settings).start().items())
        .isNotEqualTo(new ImplicitAls(weighted(), ITEMS, other).start().items());
  }

  @Test
  void theFirstVectorsHaveTheirDeviationOverTheRootOfDim() {
    ImplicitAls als = new ImplicitAls(weighted(), ITEMS, settings(400, 1, 1));
    double square = 0;
    for (float value : als.start().items()) {
      square += value * value / als.start().items().length;
    }

    assertThat(Math.sqrt(square)).isCloseTo(0.5 / 20, within(0.001));
  }

  @Test
  void trainingThatIsStoppedAndResumedEqualsUnbrokenTraining() {
    ImplicitAls als = new ImplicitAls(weighted(), ITEMS, settings(12, 5, 2));
    List<Integer> sweeps = new ArrayList<>();
    State stopped =
        als.train(
            als.start(),
            (progress, state) -> {
              sweeps.add(progress.sweep());
              return progress.sweep() == 2 ? Next.STOP : Next.CONTINUE;
            });
    State checkpoint = new State(2, 12, stopped.queries().clone(), stopped.items().clone());

    State resumed =
        als.train(
            stopped,
            (progress, state) -> {
              sweeps.add(progress.sweep());
              return Next.CONTINUE;
            });

    State unbroken = als.train(als.start(), GO_ON);
    assertThat(sweeps).containsExactly(1, 2, 3, 4, 5);
    assertThat(resumed.sweep()).isEqualTo(5);
    assertThat(resumed.queries()).isEqualTo(unbroken.queries());
    assertThat(resumed.items()).isEqualTo(unbroken.items());
    assertThat(stopped.items()).as("the state resumed from").isEqualTo(checkpoint.items());
    assertThat(stopped.queries()).isEqualTo(checkpoint.queries());
  }

  @Test
  void nothingIsLeftToDoAfterTheLastSweep() {
    ImplicitAls als = new ImplicitAls(weighted(), ITEMS, settings(4, 2, 1));
    State done = als.train(als.start(), GO_ON);

    assertThat(
            als.train(
                done,
                (progress, state) -> {
                  throw new AssertionError("a sweep more");
                }))
        .isEqualTo(done);
  }

  @Test
  void theListenerSeesTheStateThatItsObjectiveIsOf() {
    ImplicitAls als = new ImplicitAls(weighted(), ITEMS, settings(6, 3, 2));

    State last =
        als.train(
            als.start(),
            (progress, state) -> {
              assertThat(state.sweep()).isEqualTo(progress.sweep());
              assertThat(als.objective(state)).isEqualTo(progress.objective());
              assertThat(progress.seconds()).isPositive();
              return Next.CONTINUE;
            });

    assertThat(last.sweep()).isEqualTo(3);
  }

  @Test
  void aRepeatedPairIsOnePairWithTheSumOfItsWeights() {
    Interactions repeated =
        new Interactions(
            new int[] {0, 4, 5},
            new int[] {2, 0, 2, 1, 1},
            new long[0],
            new float[] {1, 2, 0.5f, 0, 1});
    Interactions single =
        new Interactions(
            new int[] {0, 2, 3}, new int[] {0, 2, 1}, new long[0], new float[] {2, 1.5f, 1});
    ImplicitAls a = new ImplicitAls(repeated, 3, settings(4, 3, 1));
    ImplicitAls b = new ImplicitAls(single, 3, settings(4, 3, 1));

    assertThat(a.train(a.start(), GO_ON).items()).isEqualTo(b.train(b.start(), GO_ON).items());
  }

  @Test
  void queriesAndItemsWithoutInteractionsGetTheZeroVector() {
    Interactions train =
        new Interactions(new int[] {0, 1, 1, 2}, new int[] {0, 2}, new long[0], new float[0]);
    ImplicitAls als = new ImplicitAls(train, 3, settings(2, 2, 1));

    State state = als.train(als.start(), GO_ON);

    assertThat(row(state.queries(), 1, 2)).containsOnly(0);
    assertThat(row(state.items(), 1, 2)).containsOnly(0);
    assertThat(row(state.queries(), 0, 2)).doesNotContain(0);
  }

  @Test
  void noInteractionAtAllGivesZeros() {
    Interactions none = new Interactions(new int[3], new int[0], new long[0], new float[0]);
    ImplicitAls als = new ImplicitAls(none, 4, settings(3, 1, 2));

    State state = als.train(als.start(), GO_ON);

    assertThat(state.queries()).hasSize(6).containsOnly(0);
    assertThat(state.items()).hasSize(12).containsOnly(0);
    ImplicitAls empty = new ImplicitAls(none, 0, settings(3, 1, 2));
    assertThat(empty.train(empty.start(), GO_ON).items()).isEmpty();
  }

  /** One query's items outnumber half of its vector's numbers, the other's do not. */
  @Test
  void rowsOfManyAndOfFewPairsAreSolvedInTheSpaceOf512Numbers() {
    int[] items = new int[310];
    Arrays.setAll(items, i -> i % 300);
    Interactions train =
        new Interactions(new int[] {0, 300, 310}, items, new long[0], new float[0]);
    Settings settings = settings(512, 1, 2);
    ImplicitAls als = new ImplicitAls(train, 320, settings);

    assertClose(
        als.solveQueries(als.start()).queries(),
        new DenseAls(train, 320, settings).bestQueries(als.start()),
        1e-4);
  }

  @Test
  void largeVectorsLearnWhichPairsAreObserved() {
    Interactions train = DenseAls.random(30, 20, 6, 9);
    ImplicitAls als = new ImplicitAls(train, 20, new Settings(512, 2, 0.01, 1e-3, 0, 0.5, 7, 2));

    State state = als.train(als.start(), GO_ON);

    assertThat(als.objective(state)).isLessThan(0.1 * train.size());
  }

  /** Two groups of ten queries and ten items; each query lacks three items of its group. */
  @Test
  void itemsThatAQueryLacksScoreHigherInItsOwnGroup() {
    int[] offsets = new int[21];
    int[] items = new int[20 * 7];
    for (int query = 0; query < 20; query++) {
      for (int i = 0; i < 7; i++) {
        items[7 * query + i] = query / 10 * 10 + (query + i) % 10;
      }
      offsets[query + 1] = 7 * (query + 1);
    }
    Interactions train = new Interactions(offsets, items, new long[0], new float[0]);
    ImplicitAls als = new ImplicitAls(train, 20, settings(2, 10, 1));
    State state = als.train(als.start(), GO_ON);

    for (int query = 0; query < 20; query++) {
      for (int item = 0; item < 20; item++) {
        double score = MultiplyAdd.dot(state.queries(), 2 * query, state.items(), 2 * item, 2);
        if (query / 10 == item / 10) {
          assertThat(score).isGreaterThan(0.5);
        } else {
          assertThat(score).isLessThan(0.1);
        }
      }
    }
  }

  @Test
  void interactionsOutOfRangeAreRefused() {
    Interactions unknownItem =
        new Interactions(new int[] {0, 1, 2}, new int[] {0, 7}, new long[0], new float[0]);
    Interactions badWeight =
        new Interactions(new int[] {0, 1}, new int[] {0}, new long[0], new float[] {Float.NaN});

    assertThatThrownBy(() -> new ImplicitAls(unknownItem, 7, settings(2, 1, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("interaction 1 (of query 1) is with item 7, but items are 0 to 6");
    assertThatThrownBy(() -> new ImplicitAls(badWeight, 1, settings(2, 1, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "interaction 0 (query 0, item 0) has weight NaN; weights must be finite and >= 0");
  }

  @Test
  void moreVectorsThanOneArrayHoldsAreRefused() {
    assertThatThrownBy(() -> new ImplicitAls(weighted(), 3_000_000, settings(1024, 1, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("3000000 items of dim 1024: expected 0 to 2097151");
  }

  @Test
  void settingsOutOfRangeAreRefused() {
    assertThatThrownBy(() -> new Settings(0, 1, 0.1, 0.1, 1, 0.1, 1, 1))
        .hasMessage("dim (0) must be >= 1");
    assertThatThrownBy(() -> new Settings(2, 1, -1, 0.1, 1, 0.1, 1, 1))
        .hasMessage("unobservedWeight (-1.0) must be >= 0 and finite");
    assertThatThrownBy(() -> new Settings(2, 1, 0.1, 0, 1, 0.1, 1, 1))
        .hasMessage("regularization (0.0) must be > 0 and finite");
    assertThatThrownBy(() -> new Settings(2, 1, 0.1, 0.1, Double.NaN, 0.1, 1, 1))
        .hasMessage("regularizationExponent (NaN) must be >= 0 and finite");
    assertThatThrownBy(() -> new Settings(2, 1, 0.1, 0.1, 1, Double.POSITIVE_INFINITY, 1, 1))
        .hasMessage("initialDeviation (Infinity) must be > 0 and finite");
    assertThatThrownBy(() -> new Settings(2, 1, 0.1, 0.1, 1, 0.1, 1, 0))
        .hasMessage("threads (0) must be >= 1");
  }

  @Test
  void aStateOfAnotherShapeOrWithoutFiniteNumbersIsRefused() {
    ImplicitAls als = new ImplicitAls(weighted(), ITEMS, settings(4, 2, 1));
    State narrow = new State(1, 2, new float[2 * QUERIES], new float[2 * ITEMS]);
    State broken = als.start();
    broken.items()[9] = Float.NaN;

    assertThatThrownBy(() -> als.train(narrow, GO_ON))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("expected 60 queries and 45 items of dim 4, found 60 and 45 of dim 2");
    assertThatThrownBy(() -> als.train(broken, GO_ON))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("not finite");
  }

  @Test
  void anInterruptEndsTraining() {
    ImplicitAls als = new ImplicitAls(weighted(), ITEMS, settings(4, 1_000_000, 2));

    assertThatThrownBy(
            () ->
                als.train(
                    als.start(),
                    (progress, state) -> {
                      Thread.currentThread().interrupt();
                      return Next.CONTINUE;
                    }))
        .isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
  }

  private static float[] row(float[] matrix, int row, int dim) {
    return Arrays.copyOfRange(matrix, row * dim, (row + 1) * dim);
  }

  private static double norm(double[] vector) {
    return Math.sqrt(MultiplyAdd.dot(vector, vector, 0, vector.length));
  }

  private static void assertClose(float[] found, double[][] expected, double tolerance) {
    int dim = expected[0].length;
    for (int row = 0; row < expected.length; row++) {
      for (int j = 0; j < dim; j++) {
        assertThat((double) found[row * dim + j])
            .as("row %d, place %d", row, j)
            .isCloseTo(expected[row][j], within(tolerance));
      }
    }
  }
}
