package io.tandem.tower.sequence;

import io.tandem.backend.HostMemory;
import java.nio.FloatBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** A [rows, width] row-major matrix whose memory is kept when the number of rows changes. */
final class RowMatrix {
  private final int width;
  private int rows;
  private INDArray store = Nd4j.empty(DataType.FLOAT);
  private INDArray array = store;

  RowMatrix(int width) {
    this.width = width;
  }

  int rows() {
    return rows;
  }

  /** Its current numbers; {@link #written} is to follow where they are changed. */
  FloatBuffer buffer() {
    return HostMemory.of(array);
  }

  void written() {
    HostMemory.written(array);
  }

  INDArray reserve(int newRows) {
    if (newRows == rows) {
      return array;
    }
    long length = (long) newRows * width;
    if (newRows < 1 || length > Integer.MAX_VALUE / Float.BYTES) {
      throw new IllegalArgumentException(
          "%d positions of width %d, expected at least 1 and at most %d numbers"
              .formatted(newRows, width, Integer.MAX_VALUE / Float.BYTES));
    }
    if (store.length() < length) {
      long roomy = Math.min(length + length / 8, Integer.MAX_VALUE / Float.BYTES);
      store = kept(roomy);
    }
    rows = newRows;
    array = store.get(NDArrayIndex.interval(0, length)).reshape('c', newRows, width);
    return array;
  }

  /** Memory for more than a step: never in a workspace that Deeplearning4j's passes have open. */
  static INDArray kept(long length) {
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      return Nd4j.create(DataType.FLOAT, length);
    } finally {
      outside.close();
    }
  }
}
