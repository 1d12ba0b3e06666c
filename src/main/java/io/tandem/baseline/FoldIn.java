package io.tandem.baseline;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The vector of a query that training did not know, from its items: the same least squares problem
 * that training solves for a query, with the items' vectors V as they are,
 *
 * <pre>
 *   (α₀ VᵀV + λ (n + α₀ |I|)^ν I + Σ_i w_i V_i V_iᵀ)^-1 Σ_i w_i V_i
 * </pre>
 *
 * for n different items, so that a known query gets the vector that it has after its half of a
 * sweep. Costs nd² + d³/3 operations. Holds a reference to V and d² numbers of its own; immutable,
 * safe for any number of threads, each with its own {@link Scratch}.
 */
public final class FoldIn {
  private final float[] items;
  private final int itemCount;
  private final int catalogue;
  private final ImplicitAls.Settings settings;
  private final double[][] unobserved;

  private FoldIn(
      float[] items,
      int itemCount,
      int catalogue,
      ImplicitAls.Settings settings,
      double[][] unobserved) {
    this.items = items;
    this.itemCount = itemCount;
    this.catalogue = catalogue;
    this.settings = settings;
    this.unobserved = unobserved;
  }

  /**
   * Computes VᵀV.
   *
   * @param items V, [itemCount × dim] row-major; not copied, not to be changed
   * @param settings those of training
   * @throws IllegalArgumentException if V has another shape or is not finite
   */
  public static FoldIn of(float[] items, int itemCount, ImplicitAls.Settings settings) {
    return of(items, itemCount, itemCount, settings);
  }

  /**
   * The same where items without an observed pair, whose vectors are zero, are left out of V.
   *
   * @param catalogue |I|: the number of items in training
   */
  public static FoldIn of(
      float[] items, int itemCount, int catalogue, ImplicitAls.Settings settings) {
    if (itemCount < 0 || items.length != (long) itemCount * settings.dim()) {
      throw new IllegalArgumentException(
          "expected %d items of dim %d, found %d numbers"
              .formatted(itemCount, settings.dim(), items.length));
    }
    double[][] gramian;
    try (Workers workers = new Workers(settings.threads())) {
      gramian = Gramian.of(items, settings.dim(), workers);
    }
    for (double[] row : gramian) {
      for (int j = 0; j < row.length; j++) {
        row[j] *= settings.unobservedWeight();
      }
    }
    return new FoldIn(items, itemCount, catalogue, settings, gramian);
  }

  /** Width of vectors. */
  public int dim() {
    return settings.dim();
  }

  /** Buffers of one thread: about dim² numbers. */
  public Scratch scratch() {
    return new Scratch(dim());
  }

  /** [dim] the vector for items with weights, as {@link #solve} has it. */
  public float[] vector(int[] queryItems, float @Nullable [] weights) {
    float[] target = new float[dim()];
    solve(queryItems, weights, queryItems.length, scratch(), target);
    return target;
  }

  /**
   * Writes the vector for the first so many items; allocates nothing once the scratch has met a
   * query of that size. Zeros where no item has a weight.
   *
   * @param queryItems [count] at least; weights of an item that occurs again add up
   * @param weights [count] at least, finite and not negative; null where all are 1
   * @param target receives [dim]
   * @throws IllegalArgumentException for unknown items, weights out of range and short arrays
   */
  public void solve(
      int[] queryItems, float @Nullable [] weights, int count, Scratch scratch, float[] target) {
    check(queryItems, weights, count, scratch, target);
    Observations row = scratch.row;
    row.clear();
    for (int i = 0; i < count; i++) {
      row.add(queryItems[i], weights == null ? 1 : weights[i]);
    }
    row.merge();
    if (row.count() == 0) {
      Arrays.fill(target, 0, dim(), 0);
      return;
    }
    double ridge = settings.ridge(row.count(), catalogue);
    scratch.solver.solve(
        items, row.columns(), row.weights(), 0, row.count(), unobserved, ridge, target, 0);
  }

  private void check(
      int[] queryItems, float @Nullable [] weights, int count, Scratch scratch, float[] target) {
    int given = weights == null ? queryItems.length : Math.min(queryItems.length, weights.length);
    if (count < 0 || count > given || target.length < dim() || scratch.dim != dim()) {
      throw new IllegalArgumentException(
          "%d items of %d given, a target of %d and a scratch of %d for dim %d"
              .formatted(count, given, target.length, scratch.dim, dim()));
    }
    for (int i = 0; i < count; i++) {
      if (queryItems[i] < 0 || queryItems[i] >= itemCount) {
        throw new IllegalArgumentException(
            "item %d at place %d, but items are 0 to %d"
                .formatted(queryItems[i], i, itemCount - 1));
      }
      if (weights != null && !(weights[i] >= 0 && weights[i] < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "weight %s at place %d must be finite and >= 0".formatted(weights[i], i));
      }
    }
  }

  /** Buffers; not to be shared between threads. */
  public static final class Scratch {
    private final int dim;
    private final RowSolver solver;
    private final Observations row = new Observations();

    private Scratch(int dim) {
      this.dim = dim;
      solver = new RowSolver(dim);
    }
  }
}
