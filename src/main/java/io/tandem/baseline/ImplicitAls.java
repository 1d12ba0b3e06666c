package io.tandem.baseline;

import io.tandem.data.Interactions;
import java.util.Objects;
import java.util.SplittableRandom;

/**
 * Matrix factorization by implicit alternating least squares, iALS (Hu, Koren, Volinsky 2008, in
 * the form of Rendle, Krichene, Zhang, Koren 2021, "Revisiting the Performance of iALS on Item
 * Recommendation Benchmarks"). Query u and item i have vectors U_u and V_i of d numbers, whose dot
 * product scores the pair. With S the observed pairs, w_ui their weights, α₀ {@link
 * Settings#unobservedWeight}, λ {@link Settings#regularization} and ν {@link
 * Settings#regularizationExponent}, training makes this small:
 *
 * <pre>
 *   Σ_(u,i)∈S w_ui (1 − ⟨U_u, V_i⟩)²  +  α₀ Σ_u Σ_i ⟨U_u, V_i⟩²
 *     + λ Σ_u (|I_u| + α₀ |I|)^ν |U_u|²  +  λ Σ_i (|U_i| + α₀ |U|)^ν |V_i|²
 * </pre>
 *
 * The second sum is over all pairs, observed ones included. |I_u| is the number of different items
 * that u has an observed pair with, |U_i| that of queries of i; |I| and |U| are the numbers of all
 * items and queries, those without a pair included. A pair that occurs several times is one pair
 * whose weights add up; a pair of weight 0 is not observed.
 *
 * <p>A sweep solves for all of U exactly while V is fixed, then for all of V: with G = VᵀV,
 *
 * <pre>
 *   U_u = (α₀ G + λ (|I_u| + α₀ |I|)^ν I + Σ_i w_ui V_i V_iᵀ)^-1 Σ_i w_ui V_i
 * </pre>
 *
 * and likewise for V_i, so that the objective never rises. A row of n pairs costs nd² + d³/3
 * operations, or n²d + n³/3 where 2n ≤ d: in the basis of G's eigenvectors all but the last term is
 * diagonal, and the rest has rank n. Rows without a pair get the zero vector.
 *
 * <p>Results depend on the seed alone, bit by bit: neither the number of threads nor an
 * interruption between sweeps changes them.
 *
 * <pre>{@code
 * ImplicitAls als = new ImplicitAls(train, items, new Settings(64, 16, 0.1, 0.003, 1, 0.1, 42, 4));
 * State state = als.train(als.start(), (progress, now) -> Next.CONTINUE);
 * float[] unknownQuery = als.foldIn(state).vector(new int[] {7, 12}, new float[] {1, 1});
 * }</pre>
 *
 * <p>Safe for any number of threads; each training has its own. Memory, beside the vectors: 16
 * bytes a pair and a copy of the larger side.
 */
public final class ImplicitAls {
  private final Settings settings;
  private final SparseRows byQuery;
  private final SparseRows byItem;

  /**
   * Settings.
   *
   * @param dim d, at least 1; published results get better up to 1,000 and more
   * @param sweeps at least 0; 16 are usually enough
   * @param unobservedWeight α₀, at least 0; below the share of observed pairs nearly all weight is
   *     theirs, and at 0 nothing holds a pair's score down but regularization
   * @param regularization λ, above 0: equations of few pairs could not be solved without
   * @param regularizationExponent ν, at least 0. At 1 frequent queries and items are held as firmly
   *     by λ, in proportion to their terms, as rare ones; at 0 all have the same penalty, which the
   *     frequent ones hardly feel. λ is to be chosen anew for each ν
   * @param initialDeviation above 0; numbers of the first V have a standard deviation of this / √d,
   *     which lets ⟨V_i, V_i⟩ start near its square for every d
   * @param seed of the first V
   * @param threads at least 1
   */
  public record Settings(
      int dim,
      int sweeps,
      double unobservedWeight,
      double regularization,
      double regularizationExponent,
      double initialDeviation,
      long seed,
      int threads) {

    /** Checks the ranges. */
    public Settings {
      require(dim >= 1, "dim", dim, ">= 1");
      require(sweeps >= 0, "sweeps", sweeps, ">= 0");
      requireFinite("unobservedWeight", unobservedWeight, unobservedWeight >= 0, ">= 0");
      requireFinite("regularization", regularization, regularization > 0, "> 0");
      requireFinite(
          "regularizationExponent", regularizationExponent, regularizationExponent >= 0, ">= 0");
      requireFinite("initialDeviation", initialDeviation, initialDeviation > 0, "> 0");
      require(threads >= 1, "threads", threads, ">= 1");
    }

    private static void requireFinite(String name, double value, boolean holds, String range) {
      require(holds && value < Double.POSITIVE_INFINITY, name, value, range + " and finite");
    }

    private static void require(boolean holds, String name, Number value, String range) {
      if (!holds) {
        throw new IllegalArgumentException("%s (%s) must be %s".formatted(name, value, range));
      }
    }

    /** λ (pairs + α₀ others)^ν: what a row's |x|² is multiplied by. */
    double ridge(int pairs, int others) {
      return regularization * Math.pow(pairs + unobservedWeight * others, regularizationExponent);
    }
  }

  /**
   * What training has reached, and all that it needs to go on. Arrays are not copied.
   *
   * @param sweep sweeps done
   * @param dim d
   * @param queries U, [queries × dim] row-major
   * @param items V, [items × dim] row-major
   */
  public record State(int sweep, int dim, float[] queries, float[] items) {
    /** Checks the shapes. */
    public State {
      if (sweep < 0 || dim < 1 || queries.length % dim != 0 || items.length % dim != 0) {
        throw new IllegalArgumentException(
            "sweep %d with %d and %d numbers: not rows of %d"
                .formatted(sweep, queries.length, items.length, dim));
      }
    }
  }

  /**
   * A sweep that was done.
   *
   * @param sweep its number, from 1
   * @param objective after it
   * @param seconds that it took, the objective included
   */
  public record Progress(int sweep, double objective, double seconds) {}

  /** What a listener wants. */
  public enum Next {
    CONTINUE,
    STOP
  }

  /** Is told of every sweep. */
  public interface Listener {
    /**
     * Called by the thread that trains.
     *
     * @param state as it is now; the next sweep overwrites its arrays
     * @return whether to go on
     */
    Next afterSweep(Progress progress, State state);
  }

  /**
   * Prepares a training set.
   *
   * @param items number of items
   * @throws IllegalArgumentException for interactions with items outside the catalogue or with
   *     weights that are negative or not finite, and where vectors do not fit in one array
   */
  public ImplicitAls(Interactions train, int items, Settings settings) {
    this.settings = settings;
    requireRoom("queries", train.queries(), settings.dim());
    requireRoom("items", items, settings.dim());
    byQuery = SparseRows.of(train, items);
    byItem = byQuery.transposed(items);
  }

  private static void requireRoom(String side, int rows, int dim) {
    if (rows < 0 || (long) rows * dim > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "%d %s of dim %d: expected 0 to %d of them"
              .formatted(rows, side, dim, (Integer.MAX_VALUE - 8) / dim));
    }
  }

  /** Sweep 0: V from the seed, U zero. */
  public State start() {
    SplittableRandom random = new SplittableRandom(settings.seed());
    double deviation = settings.initialDeviation() / Math.sqrt(settings.dim());
    float[] v = new float[byItem.rows() * settings.dim()];
    for (int i = 0; i < v.length; i++) {
      v[i] = (float) (deviation * random.nextGaussian());
    }
    return new State(0, settings.dim(), new float[byQuery.rows() * settings.dim()], v);
  }

  /**
   * Trains from a state until all sweeps are done or the listener stops it.
   *
   * @param from {@link #start}, or a state of the same training set and dim; left as it is
   * @throws IllegalArgumentException if the state has another shape or is not finite
   * @throws IllegalStateException if numbers overflow, or regularization is too small to solve a
   *     row's equations
   * @throws java.util.concurrent.CancellationException if the thread is interrupted
   */
  public State train(State from, Listener listener) {
    check(from);
    State state = from;
    try (Sweeper sweeper = new Sweeper(from)) {
      Next next = Next.CONTINUE;
      while (next == Next.CONTINUE && state.sweep() < settings.sweeps()) {
        long start = System.nanoTime();
        sweeper.solveQueries();
        sweeper.solveItems();
        double objective = sweeper.objective();
        state = sweeper.state(state.sweep() + 1);
        double seconds = (System.nanoTime() - start) / 1e9;
        next =
            Objects.requireNonNull(
                listener.afterSweep(new Progress(state.sweep(), objective, seconds), state),
                "the listener's answer");
      }
    }
    return state;
  }

  /** The objective of a state, in double precision. */
  public double objective(State state) {
    check(state);
    try (Sweeper sweeper = new Sweeper(state)) {
      return sweeper.objective();
    }
  }

  /** Vectors for queries that training did not know. The state's items are not copied. */
  public FoldIn foldIn(State state) {
    check(state);
    return FoldIn.of(state.items(), byItem.rows(), settings);
  }

  /** The state with all of U solved for its V. */
  State solveQueries(State state) {
    try (Sweeper sweeper = new Sweeper(state)) {
      sweeper.solveQueries();
      return sweeper.state(state.sweep());
    }
  }

  /** The state with all of V solved for its U. */
  State solveItems(State state) {
    try (Sweeper sweeper = new Sweeper(state)) {
      sweeper.solveItems();
      return sweeper.state(state.sweep());
    }
  }

  private void check(State state) {
    int queries = state.queries().length / state.dim();
    int items = state.items().length / state.dim();
    if (state.dim() != settings.dim() || queries != byQuery.rows() || items != byItem.rows()) {
      throw new IllegalArgumentException(
          "expected %d queries and %d items of dim %d, found %d and %d of dim %d"
              .formatted(
                  byQuery.rows(), byItem.rows(), settings.dim(), queries, items, state.dim()));
    }
  }

  /** A training at work: its vectors, threads and buffers. */
  private final class Sweeper implements AutoCloseable {
    private final float[] u;
    private final float[] v;
    private final Workers workers;
    private final HalfSweep queries;
    private final HalfSweep items;
    private final float[] rotated;
    private double[][] gramianU;
    private double[][] gramianV;

    Sweeper(State from) {
      u = from.queries().clone();
      v = from.items().clone();
      workers = new Workers(settings.threads());
      RowSolver[] solvers = new RowSolver[settings.threads()];
      for (int i = 0; i < solvers.length; i++) {
        solvers[i] = new RowSolver(settings.dim());
      }
      queries = new HalfSweep(byQuery, settings, workers, solvers);
      items = new HalfSweep(byItem, settings, workers, solvers);
      rotated = new float[Math.max(u.length, v.length)];
      gramianU = Gramian.of(u, settings.dim(), workers);
      gramianV = Gramian.of(v, settings.dim(), workers);
    }

    void solveQueries() {
      queries.solve(v, gramianV, rotated, u);
      gramianU = Gramian.of(u, settings.dim(), workers);
    }

    void solveItems() {
      items.solve(u, gramianU, rotated, v);
      gramianV = Gramian.of(v, settings.dim(), workers);
    }

    double objective() {
      return Objective.of(byQuery, byItem, settings, u, v, gramianU, gramianV, workers);
    }

    State state(int sweep) {
      return new State(sweep, settings.dim(), u, v);
    }

    @Override
    public void close() {
      workers.close();
    }
  }
}
