package io.tandem.gpu;

/**
 * Softmax cross-entropy of rows over candidates and its gradients. The logit of candidate j for row
 * i is ⟨u_i, v_j⟩ scale + asNegative_j, or + asPositive_j where j is among the row's targets.
 *
 * <p>The rows' log-sums are over all candidates but the excluded ones, and over the targets that
 * are counted, which are among the excluded. Loss: Σ_i w_i (log-sum_i − Σ_j share_ij logit_ij).
 *
 * <p>Terms are in units of log 2; {@link #NEVER} stands for minus infinity.
 *
 * @param u [rows, dim]
 * @param v [candidates, dim]
 * @param offsets [rows + 1] of the next three
 * @param columns of each target
 * @param shares of each target in its row, summing to 1
 * @param counted 1 where the target's logit is in its row's log-sum
 * @param excludedOffsets [rows + 1] of the next
 * @param excluded candidates left out of a row, rising
 * @param excludedRowOffsets [candidates + 1] of the next
 * @param excludedRows the same pairs by candidate: rows, rising
 * @param targetOffsets [candidates + 1] of the next two
 * @param targetRows rows whose target a candidate is
 * @param targets their places in {@code columns}
 * @param asNegative [candidates up to the next multiple of 256], NEVER at the end
 * @param asPositive [candidates]
 * @param weights [rows] w
 * @param byU receives ∂loss/∂u
 * @param byV receives ∂loss/∂v
 */
public record Softmax(
    int rows,
    int candidates,
    int dim,
    Floats u,
    Floats v,
    Ints offsets,
    Ints columns,
    Floats shares,
    Ints counted,
    Ints excludedOffsets,
    Ints excluded,
    Ints excludedRowOffsets,
    Ints excludedRows,
    Ints targetOffsets,
    Ints targetRows,
    Ints targets,
    Floats asNegative,
    Floats asPositive,
    Floats weights,
    float scale,
    Floats byU,
    Floats byV) {
  /** Far below any score, and finite, so that differences of it are. */
  public static final float NEVER = -1e30f;

  /** e in units of log 2. */
  public static final double LOG2_E = 1.4426950408889634;

  /** Widest embedding that kernels take. */
  public static final int MAX_DIM = 256;

  static final int PADDING = 256;

  /**
   * What comes back.
   *
   * @param loss weighted sum over the rows
   * @param along Σ_i ⟨u_i, ∂loss/∂u_i⟩
   */
  public record Result(double loss, double along) {}

  public Softmax {
    Check.that(rows > 0, "rows (%d) must be > 0", rows);
    Check.that(candidates > 0, "candidates (%d) must be > 0", candidates);
    Check.that(dim > 0 && dim <= MAX_DIM, "dim (%d) must be from 1 to %d", dim, MAX_DIM);
    Check.length("u", u, (long) rows * dim);
    Check.length("v", v, (long) candidates * dim);
    Check.length("byU", byU, (long) rows * dim);
    Check.length("byV", byV, (long) candidates * dim);
    Check.length("offsets", offsets, rows + 1L);
    Check.length("excludedOffsets", excludedOffsets, rows + 1L);
    Check.length("excludedRowOffsets", excludedRowOffsets, candidates + 1L);
    Check.length("targetOffsets", targetOffsets, candidates + 1L);
    Check.length("asNegative", asNegative, padded(candidates));
    Check.length("asPositive", asPositive, candidates);
    Check.length("weights", weights, rows);
  }

  /** The next multiple of 256. */
  public static int padded(int rows) {
    return Math.multiplyExact((rows + PADDING - 1) / PADDING, PADDING);
  }
}
