package io.tandem.gpu;

import org.jspecify.annotations.Nullable;

/**
 * A step of the rows of an embedding table that a batch touched. The gradient of a row is the sum
 * over its entries e of weights[e] × gradients[sources[e] … + dim].
 *
 * @param table [rows, dim]
 * @param first row-wise Adagrad: [rows] sums of mean squares; Adam: [rows, dim] first moments
 * @param second Adam: [rows, dim] second moments
 * @param entries how many there are
 * @param ids [entries] rows, from 0 and below {@code rows}: whoever sends them checks
 * @param sources [entries] places in {@code gradients}
 * @param rate with the schedule's factor, and for Adam with the bias correction
 */
public record RowUpdate(
    Floats table,
    Floats first,
    @Nullable Floats second,
    int rows,
    int dim,
    int entries,
    Ints ids,
    Ints sources,
    Floats weights,
    Floats gradients,
    float rate) {
  static final float BETA1 = 0.9f;
  static final float BETA2 = 0.999f;
  static final float EPSILON = 1e-8f;

  /** Widest row that kernels take. */
  public static final int MAX_DIM = 1024;

  public RowUpdate {
    Check.that(rows > 0, "rows (%d) must be > 0", rows);
    Check.that(dim > 0 && dim <= MAX_DIM, "dim (%d) must be from 1 to %d", dim, MAX_DIM);
    Check.length("table", table, (long) rows * dim);
    Check.length("first", first, second == null ? rows : (long) rows * dim);
    if (second != null) {
      Check.length("second", second, (long) rows * dim);
    }
    Check.that(entries >= 0, "entries (%d) must be >= 0", entries);
    Check.length("ids", ids, entries);
    Check.length("sources", sources, entries);
    Check.length("weights", weights, entries);
  }

  boolean isAdam() {
    return second != null;
  }
}
