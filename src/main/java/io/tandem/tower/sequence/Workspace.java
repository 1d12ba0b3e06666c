package io.tandem.tower.sequence;

import java.util.Arrays;

/** Memory that the passes of a network's layers share, one after the other. */
final class Workspace {
  private final int rowLength;
  private final ThreadLocal<float[][]> rows = ThreadLocal.withInitial(() -> new float[0][]);
  private final ThreadLocal<float[]> flat = ThreadLocal.withInitial(() -> new float[0]);

  /** Before the residual connection: forward an output of a block, backward the gradient by it. */
  final Columns branch;

  /** Gradient by an affine map's input. */
  final Columns byInput;

  final Columns byHidden;
  final Columns byQkv;

  Workspace(int dim, int hidden, int maxLength) {
    rowLength = Math.max(Packing.BLOCK, maxLength);
    branch = Columns.plain(dim);
    byInput = Columns.plain(dim);
    byHidden = Columns.plain(hidden);
    byQkv = Columns.plain(3 * dim);
  }

  /** Rows of this thread, each for a block of positions or a sequence. */
  float[][] rows(int count) {
    float[][] held = rows.get();
    if (held.length < count) {
      int before = held.length;
      held = Arrays.copyOf(held, count);
      for (int i = before; i < count; i++) {
        held[i] = new float[rowLength];
      }
      rows.set(held);
    }
    return held;
  }

  /** An array of this thread. */
  float[] flat(int length) {
    float[] held = flat.get();
    if (held.length < length) {
      held = new float[length];
      flat.set(held);
    }
    return held;
  }
}
