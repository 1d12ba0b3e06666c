package io.tandem.tower;

import io.tandem.feature.InputSchema;
import io.tandem.tower.sequence.ExportedSequence;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Pools a slot's values by more than a weighted sum, while serving. Safe for any number of threads.
 */
final class SequencePooling {
  private final ExportedSequence network;
  private final int dim;
  private final int maxLength;

  private SequencePooling(ExportedSequence network, int dim, int maxLength) {
    this.network = network;
    this.dim = dim;
    this.maxLength = maxLength;
  }

  /** Buffers of one thread. */
  static final class Scratch {
    private final float[] rows;
    private final float[] row;
    private final ExportedSequence.Scratch network;

    private Scratch(int maxLength, int dim, ExportedSequence.Scratch network) {
      rows = new float[maxLength * dim];
      row = new float[dim];
      this.network = network;
    }
  }

  /** For a slot, or null where it is pooled by a weighted sum. */
  static @Nullable SequencePooling open(InputSchema.Slot slot, Path file) {
    if (!slot.pooling().isNetwork()) {
      return null;
    }
    var shape = SlotPooling.sequenceShape(slot);
    return new SequencePooling(
        ExportedSequence.open(file, shape), slot.table().dim(), shape.maxLength());
  }

  Scratch scratch() {
    return new Scratch(maxLength, dim, network.scratch());
  }

  /** Adds the pooled vector of some values, the last maxLength of them, to a part of an array. */
  void add(
      MappedTable table, int[] ids, int start, int end, Scratch scratch, float[] target, int at) {
    int from = Math.max(start, end - maxLength);
    if (from == end) {
      return;
    }
    for (int i = from; i < end; i++) {
      table.row(ids[i], scratch.row);
      System.arraycopy(scratch.row, 0, scratch.rows, (i - from) * dim, dim);
    }
    network.last(scratch.rows, end - from, scratch.network, scratch.row, 0);
    for (int j = 0; j < dim; j++) {
      target[at + j] += scratch.row[j];
    }
  }
}
