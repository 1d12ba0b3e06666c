package io.tandem.index.faiss;

import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissException;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.IndexException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.jspecify.annotations.Nullable;

/**
 * Whole vectors beside an index that keeps only codes of them: [rows × dimension] row-major, in
 * memory or mapped from a file of nothing but these numbers, 4 bytes each, little-endian.
 */
final class KeptVectors implements AutoCloseable {
  /** Floats written at a time. */
  static final int CHUNK = 1 << 20;

  private final FloatPointer pointer;
  private final long count;
  private final int dimension;
  private Runnable freeing;

  private KeptVectors(FloatPointer pointer, long rows, int dimension, Runnable freeing) {
    this.pointer = pointer;
    this.count = rows * dimension;
    this.dimension = dimension;
    this.freeing = freeing;
  }

  /** Those of a flat index, which stays somebody else's. */
  static KeptVectors borrowed(Index flat) {
    return new KeptVectors(faiss.flat(flat).get_xb(), flat.ntotal(), flat.d(), () -> {});
  }

  /**
   * Maps a file; it must stay as it is while mapped.
   *
   * @throws IndexException if the file is missing or of another size
   */
  static KeptVectors map(Path file, long rows, int dimension) {
    long count = rows * dimension;
    try {
      FloatPointer mapped =
          Faiss.call(() -> faiss.map_floats(new BytePointer(file.toString()), count));
      return new KeptVectors(mapped, rows, dimension, () -> faiss.unmap_floats(mapped, count));
    } catch (FaissException e) {
      throw new IndexException(e);
    }
  }

  /** Closes the flat index that they are of with them, from now on. */
  void own(Index flat) {
    freeing = flat::close;
  }

  FloatPointer pointer() {
    return pointer;
  }

  /**
   * Scores the hits in buffers again and keeps the best, at the places of the first.
   *
   * @param fetched hits of each of n queries
   * @param take how many to keep
   * @param bits the allowed rows, or null for all
   */
  void rescore(
      SearchBuffers buffers, int n, int fetched, int take, @Nullable BytePointer bits, long bytes) {
    Faiss.run(
        () ->
            faiss.rescore(
                pointer,
                dimension,
                n,
                buffers.queryPointer,
                fetched,
                bits,
                bytes,
                take,
                buffers.scoresPointer(),
                buffers.labelsPointer()));
  }

  /** Copies a vector. */
  void vector(int row, float[] target) {
    new FloatPointer(pointer).position((long) row * dimension).get(target, 0, dimension);
  }

  /** Writes the file that {@link #map} reads. */
  void write(Path file) throws IOException {
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      write(out, 0);
    }
  }

  /**
   * Writes numbers from one on.
   *
   * @param first at most their count
   */
  void write(WritableByteChannel out, long first) throws IOException {
    // By way of an array: a buffer over native memory ends at 2 GiB, wherever it begins.
    float[] chunk = new float[(int) Math.min(CHUNK, count - first)];
    ByteBuffer bytes =
        ByteBuffer.allocate(chunk.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    FloatPointer at = new FloatPointer(pointer);
    for (long from = first; from < count; from += CHUNK) {
      int n = (int) Math.min(CHUNK, count - from);
      at.position(from).get(chunk, 0, n);
      bytes.clear().limit(n * Float.BYTES);
      bytes.asFloatBuffer().put(chunk, 0, n);
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
    }
  }

  @Override
  public void close() {
    freeing.run();
  }
}
