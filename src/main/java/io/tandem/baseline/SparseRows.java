package io.tandem.baseline;

import io.tandem.data.Interactions;
import java.util.Arrays;

/**
 * Observed pairs by row, each pair once: 8 bytes a pair.
 *
 * @param offsets [rows + 1]: row r owns positions offsets[r] until offsets[r + 1]
 * @param columns [pairs] ascending within a row
 * @param weights [pairs] above 0
 */
record SparseRows(int[] offsets, int[] columns, float[] weights) {

  /**
   * Pairs by query; weights of repeated pairs add up, pairs of weight 0 are left out.
   *
   * @throws IllegalArgumentException for items outside the catalogue, and for weights that are
   *     negative or not finite
   */
  static SparseRows of(Interactions interactions, int itemCount) {
    int[] offsets = new int[interactions.queries() + 1];
    int[] columns = new int[interactions.size()];
    float[] weights = new float[interactions.size()];
    Observations row = new Observations();
    for (int query = 0; query < interactions.queries(); query++) {
      row.clear();
      for (int at = interactions.start(query); at < interactions.end(query); at++) {
        check(interactions, at, query, itemCount);
        row.add(interactions.item(at), interactions.weight(at));
      }
      row.merge();
      System.arraycopy(row.columns(), 0, columns, offsets[query], row.count());
      System.arraycopy(row.weights(), 0, weights, offsets[query], row.count());
      offsets[query + 1] = offsets[query] + row.count();
    }
    int pairs = offsets[offsets.length - 1];
    return pairs == columns.length
        ? new SparseRows(offsets, columns, weights)
        : new SparseRows(offsets, Arrays.copyOf(columns, pairs), Arrays.copyOf(weights, pairs));
  }

  private static void check(Interactions interactions, int at, int query, int itemCount) {
    int item = interactions.item(at);
    if (item < 0 || item >= itemCount) {
      throw new IllegalArgumentException(
          "interaction %d (of query %d) is with item %d, but items are 0 to %d"
              .formatted(at, query, item, itemCount - 1));
    }
    float weight = interactions.weight(at);
    if (!(weight >= 0) || weight == Float.POSITIVE_INFINITY) {
      throw new IllegalArgumentException(
          "interaction %d (query %d, item %d) has weight %s; weights must be finite and >= 0"
              .formatted(at, query, item, weight));
    }
  }

  /** The same pairs by column. */
  SparseRows transposed(int columnCount) {
    int[] starts = new int[columnCount + 1];
    for (int column : columns) {
      starts[column + 1]++;
    }
    for (int column = 0; column < columnCount; column++) {
      starts[column + 1] += starts[column];
    }
    int[] next = starts.clone();
    int[] rows = new int[columns.length];
    float[] values = new float[columns.length];
    for (int row = 0; row < rows(); row++) {
      for (int at = offsets[row]; at < offsets[row + 1]; at++) {
        int place = next[columns[at]]++;
        rows[place] = row;
        values[place] = weights[at];
      }
    }
    return new SparseRows(starts, rows, values);
  }

  int rows() {
    return offsets.length - 1;
  }

  int count(int row) {
    return offsets[row + 1] - offsets[row];
  }

  /** [rows] the rows, those of most pairs first; of equal counts, the lower first. */
  int[] heaviestFirst() {
    int most = 0;
    for (int row = 0; row < rows(); row++) {
      most = Math.max(most, count(row));
    }
    int[] next = new int[most + 2];
    for (int row = 0; row < rows(); row++) {
      next[most - count(row) + 1]++;
    }
    for (int i = 0; i <= most; i++) {
      next[i + 1] += next[i];
    }
    int[] order = new int[rows()];
    for (int row = 0; row < rows(); row++) {
      order[next[most - count(row)]++] = row;
    }
    return order;
  }
}
