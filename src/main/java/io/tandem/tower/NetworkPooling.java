package io.tandem.tower;

import io.tandem.feature.InputSchema;
import io.tandem.tower.sequence.ExportedSequence;
import io.tandem.tower.sequence.SequenceShape;
import java.nio.file.Path;

/** The last position of a sequence network. */
final class NetworkPooling implements SequencePooling {
  private final ExportedSequence network;
  private final MappedTable table;
  private final int dim;
  private final int maxLength;

  private NetworkPooling(ExportedSequence network, MappedTable table, SequenceShape shape) {
    this.network = network;
    this.table = table;
    dim = shape.dim();
    maxLength = shape.maxLength();
  }

  static NetworkPooling open(InputSchema.Slot slot, MappedTable table, Path file) {
    SequenceShape shape = SlotPooling.sequenceShape(slot);
    return new NetworkPooling(ExportedSequence.open(file, shape), table, shape);
  }

  private record Buffers(float[] rows, float[] row, ExportedSequence.Scratch network)
      implements Scratch {}

  @Override
  public Scratch scratch() {
    return new Buffers(new float[maxLength * dim], new float[dim], network.scratch());
  }

  @Override
  public void add(int[] ids, int start, int end, Scratch scratch, float[] target, int at) {
    if (!(scratch instanceof Buffers buffers)) {
      throw new IllegalArgumentException("the scratch is another pooling's");
    }
    int from = Math.max(start, end - maxLength);
    if (from == end) {
      return;
    }
    float[] row = buffers.row();
    for (int i = from; i < end; i++) {
      table.row(ids[i], row);
      System.arraycopy(row, 0, buffers.rows(), (i - from) * dim, dim);
    }
    network.last(buffers.rows(), end - from, buffers.network(), row, 0);
    for (int j = 0; j < dim; j++) {
      target[at + j] += row[j];
    }
  }
}
