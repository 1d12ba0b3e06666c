package io.tandem.loss;

import org.jspecify.annotations.Nullable;

/**
 * What the rows of a batch should find: for each, its positives among the candidates, whose shares
 * of the target sum to 1, and its weight in the mean.
 *
 * @param offsets [rows + 1] row r owns entries offsets[r] until offsets[r + 1] of the others
 * @param columns column of each positive, none twice in a row
 * @param shares of each positive in its row's target
 * @param weights [rows] non-negative, or null for all 1
 */
public record Targets(int[] offsets, int[] columns, float[] shares, float @Nullable [] weights) {

  public Targets(int[] offsets, int[] columns, float[] shares, float @Nullable [] weights) {
    if (offsets.length == 0
        || offsets[offsets.length - 1] > columns.length
        || shares.length < columns.length
        || (weights != null && weights.length < offsets.length - 1)) {
      throw new IllegalArgumentException(
          "expected %d columns with shares, found %d and %d"
              .formatted(
                  offsets.length == 0 ? 0 : offsets[offsets.length - 1],
                  columns.length,
                  shares.length));
    }
    this.offsets = offsets;
    this.columns = columns;
    this.shares = shares;
    this.weights = weights;
  }

  /** One positive a row. */
  public static Targets single(int[] columns, float @Nullable [] weights) {
    int[] offsets = new int[columns.length + 1];
    float[] shares = new float[columns.length];
    for (int row = 0; row < columns.length; row++) {
      offsets[row + 1] = row + 1;
      shares[row] = 1;
    }
    return new Targets(offsets, columns, shares, weights);
  }

  /** Number of rows. */
  public int rows() {
    return offsets.length - 1;
  }

  /** Σ w, or the number of rows. */
  double totalWeight() {
    if (weights == null) {
      return rows();
    }
    double total = 0;
    for (int row = 0; row < rows(); row++) {
      total += weights[row];
    }
    return total;
  }

  /** w_r / Σ w: a row's part in the mean. */
  double share(int row, double totalWeight) {
    return (weights == null ? 1 : weights[row]) / totalWeight;
  }

  void checkColumns(int candidates) {
    for (int i = 0; i < offsets[rows()]; i++) {
      if (columns[i] < 0 || columns[i] >= candidates) {
        throw new IllegalArgumentException(
            "expected columns from 0 and below %d, found %d".formatted(candidates, columns[i]));
      }
    }
  }
}
