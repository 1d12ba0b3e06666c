package io.tandem.tower;

import java.util.Arrays;

/**
 * Gradients of the rows that a step touches, summed by row. Costs what is touched, whatever the
 * table's size; its memory is reused from step to step.
 */
final class RowGradients {
  private static final int EMPTY = -1;

  private final int dim;
  private int[] slots = new int[1024];
  private int[] rows = new int[512];
  private float[] sums;
  private int size;

  RowGradients(int dim) {
    this.dim = dim;
    sums = new float[rows.length * dim];
    Arrays.fill(slots, EMPTY);
  }

  /** Rows touched, in order of their first touch. */
  int size() {
    return size;
  }

  int row(int i) {
    return rows[i];
  }

  /** [size × dim]; not a copy and possibly longer. */
  float[] sums() {
    return sums;
  }

  void clear() {
    Arrays.fill(slots, EMPTY);
    Arrays.fill(sums, 0, size * dim, 0);
    size = 0;
  }

  /** Adds {@code scale} times a gradient to a row's sum. */
  void add(int row, float scale, float[] gradient, int from) {
    int at = place(row) * dim;
    for (int i = 0; i < dim; i++) {
      sums[at + i] += scale * gradient[from + i];
    }
  }

  private int place(int row) {
    int mask = slots.length - 1;
    int slot = hash(row) & mask;
    while (slots[slot] != EMPTY) {
      if (rows[slots[slot]] == row) {
        return slots[slot];
      }
      slot = (slot + 1) & mask;
    }
    if (size == rows.length) {
      grow();
      return place(row);
    }
    rows[size] = row;
    slots[slot] = size;
    return size++;
  }

  private void grow() {
    rows = Arrays.copyOf(rows, size * 2);
    sums = Arrays.copyOf(sums, size * 2 * dim);
    slots = new int[slots.length * 2];
    Arrays.fill(slots, EMPTY);
    for (int i = 0; i < size; i++) {
      int slot = hash(rows[i]) & (slots.length - 1);
      while (slots[slot] != EMPTY) {
        slot = (slot + 1) & (slots.length - 1);
      }
      slots[slot] = i;
    }
  }

  private static int hash(int row) {
    int h = row * 0x9E3779B1;
    return h ^ (h >>> 15);
  }
}
