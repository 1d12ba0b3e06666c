package io.tandem.training;

import io.tandem.backend.HostMemory;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.FloatBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Cross-batch negatives (Wang et al. 2021): item embeddings of the last steps, as they were then;
 * no gradient flows into them.
 */
final class CrossBatchQueue {
  private final int capacity;
  private final int dim;
  private final int[] items;
  private final float[] counts;
  private final float[] vectors;
  private int size;
  private int next;

  CrossBatchQueue(int capacity, int dim) {
    this.capacity = capacity;
    this.dim = dim;
    items = new int[capacity];
    counts = new float[capacity];
    vectors = new float[capacity * dim];
  }

  int size() {
    return size;
  }

  /** Item of each kept embedding. */
  int item(int place) {
    return items[place];
  }

  /** Times that it was drawn in its step. */
  float count(int place) {
    return counts[place];
  }

  /** The step's own embeddings and, below them, those kept. */
  INDArray below(INDArray own) {
    int rows = (int) own.size(0);
    INDArray both = Nd4j.createUninitialized(DataType.FLOAT, new long[] {rows + size, dim}, 'c');
    float[] copied = new float[rows * dim];
    HostMemory.get(own, copied, 0, copied.length);
    HostMemory.of(both).put(0, copied).put(rows * dim, vectors, 0, size * dim);
    HostMemory.written(both);
    return both;
  }

  /** Keeps a step's embeddings in place of the oldest. */
  void add(int[] newItems, float[] newCounts, INDArray embeddings) {
    int rows = Math.min(newItems.length, capacity);
    FloatBuffer values = HostMemory.of(embeddings);
    for (int i = 0; i < rows; i++) {
      items[next] = newItems[i];
      counts[next] = newCounts[i];
      values.get(i * dim, vectors, next * dim, dim);
      next = (next + 1) % capacity;
      size = Math.min(capacity, size + 1);
    }
  }

  void write(DataOutput out) throws IOException {
    out.writeInt(size);
    out.writeInt(next);
    for (int place = 0; place < size; place++) {
      out.writeInt(items[place]);
      out.writeFloat(counts[place]);
      for (int i = place * dim; i < (place + 1) * dim; i++) {
        out.writeFloat(vectors[i]);
      }
    }
  }

  void read(DataInput in) throws IOException {
    size = in.readInt();
    next = in.readInt();
    if (size < 0 || size > capacity || next < 0 || next >= capacity) {
      throw new IOException("a queue of %d, expected at most %d".formatted(size, capacity));
    }
    for (int place = 0; place < size; place++) {
      items[place] = in.readInt();
      counts[place] = in.readFloat();
      for (int i = place * dim; i < (place + 1) * dim; i++) {
        vectors[i] = in.readFloat();
      }
    }
  }
}
