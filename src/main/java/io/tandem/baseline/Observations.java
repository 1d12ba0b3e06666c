package io.tandem.baseline;

import java.util.Arrays;

/** One row's observed columns with their weights: collected in any order, merged by column. */
final class Observations {
  private int added;
  private int merged;
  private long[] order = new long[16];
  private float[] addedWeights = new float[16];
  private int[] columns = new int[16];
  private float[] weights = new float[16];

  void clear() {
    added = 0;
    merged = 0;
  }

  void add(int column, float weight) {
    if (added == order.length) {
      int capacity = added * 2;
      order = Arrays.copyOf(order, capacity);
      addedWeights = Arrays.copyOf(addedWeights, capacity);
      columns = new int[capacity];
      weights = new float[capacity];
    }
    order[added] = ((long) column << 32) | added;
    addedWeights[added++] = weight;
  }

  /** Sorts by column, adds up the weights of equal ones and drops those of no weight. */
  void merge() {
    Arrays.sort(order, 0, added);
    merged = 0;
    int at = 0;
    while (at < added) {
      int column = (int) (order[at] >>> 32);
      double weight = 0;
      for (; at < added && (int) (order[at] >>> 32) == column; at++) {
        weight += addedWeights[(int) order[at]];
      }
      if (weight > 0) {
        columns[merged] = column;
        weights[merged++] = (float) Math.min(weight, Float.MAX_VALUE);
      }
    }
  }

  /** Number of columns after {@link #merge}. */
  int count() {
    return merged;
  }

  /** [count] at least, ascending. */
  int[] columns() {
    return columns;
  }

  /** [count] at least, above 0. */
  float[] weights() {
    return weights;
  }
}
