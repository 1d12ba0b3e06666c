package io.tandem.tower;

import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.InputSchema.TableShape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * An embedding table and its optimizer's state, [rows, dim] floats in pages of whole rows, so that
 * a table may hold more than 2^31 numbers. A step moves only the rows it is given: its cost does
 * not grow with the table.
 */
final class EmbeddingTable {
  private static final int PAGE = 1 << 22;

  private final TableShape shape;
  private final int shift;
  private final float[][] pages;
  private final SparseOptimizer optimizer;

  EmbeddingTable(TableShape shape, Optimizer optimizer, long seed) {
    this.shape = shape;
    shift = pageShift(shape.dim());
    pages = allocate(shape.rows(), shape.dim());
    this.optimizer = SparseOptimizer.of(optimizer, shape);
    // Rows of length about 1, whatever the width.
    double bound = Math.sqrt(3.0 / shape.dim());
    SplittableRandom random = new SplittableRandom(seed);
    SplittableRandom[] randoms = new SplittableRandom[pages.length];
    for (int page = 0; page < pages.length; page++) {
      randoms[page] = random.split();
    }
    IntStream.range(0, pages.length)
        .parallel()
        .forEach(
            page -> {
              for (int i = 0; i < pages[page].length; i++) {
                pages[page][i] = (float) ((randoms[page].nextDouble() * 2 - 1) * bound);
              }
            });
    // What was never seen says nothing.
    for (int row = 0; row < shape.oovRows(); row++) {
      int from = (row & (1 << shift) - 1) * shape.dim();
      Arrays.fill(pages[row >>> shift], from, from + shape.dim(), 0);
    }
  }

  TableShape shape() {
    return shape;
  }

  /** Whole rows in order, not a copy. */
  float[][] pages() {
    return pages;
  }

  SparseOptimizer optimizer() {
    return optimizer;
  }

  /** Adds {@code scale} times a row to a part of an array. */
  void addRow(int row, float scale, float[] target, int at) {
    float[] page = pages[row >>> shift];
    int from = (row & (1 << shift) - 1) * shape.dim();
    for (int i = 0; i < shape.dim(); i++) {
      target[at + i] += scale * page[from + i];
    }
  }

  /** Moves the touched rows against their gradients. */
  void step(RowGradients gradients, float rateFactor) {
    optimizer.begin();
    for (int i = 0; i < gradients.size(); i++) {
      int row = gradients.row(i);
      int offset = (row & (1 << shift) - 1) * shape.dim();
      optimizer.update(
          row, pages[row >>> shift], offset, gradients.sums(), i * shape.dim(), rateFactor);
    }
  }

  /** Replaces a row. */
  void setRow(int row, float[] values) {
    System.arraycopy(
        values, 0, pages[row >>> shift], (row & (1 << shift) - 1) * shape.dim(), shape.dim());
  }

  /** Row that holds a number that is not finite, or -1. */
  int firstNonFiniteRow() {
    for (int row = 0; row < shape.rows(); row++) {
      float[] page = pages[row >>> shift];
      int from = (row & (1 << shift) - 1) * shape.dim();
      for (int i = from; i < from + shape.dim(); i++) {
        if (!Float.isFinite(page[i])) {
          return row;
        }
      }
    }
    return -1;
  }

  void writeRows(FileChannel channel) throws IOException {
    write(pages, channel);
  }

  void write(FileChannel channel) throws IOException {
    write(pages, channel);
    optimizer.write(channel);
  }

  void read(FileChannel channel) throws IOException {
    read(pages, channel);
    optimizer.read(channel);
  }

  /** Rows of a page: 2 to this power. */
  static int pageShift(int dim) {
    return Math.max(0, 31 - Integer.numberOfLeadingZeros(Math.max(1, PAGE / dim)));
  }

  static float[][] allocate(int rows, int dim) {
    int perPage = 1 << pageShift(dim);
    float[][] pages = new float[(int) (((long) rows + perPage - 1) / perPage)][];
    for (int page = 0; page < pages.length; page++) {
      long left = rows - (long) page * perPage;
      pages[page] = new float[(int) Math.min(perPage, left) * dim];
    }
    return pages;
  }

  static void write(float[][] pages, FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
    for (float[] page : pages) {
      for (int from = 0; from < page.length; from += bytes.capacity() / 4) {
        int count = Math.min(bytes.capacity() / 4, page.length - from);
        bytes.clear().limit(count * 4);
        bytes.asFloatBuffer().put(page, from, count);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      }
    }
  }

  static void read(float[][] pages, FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
    for (float[] page : pages) {
      for (int from = 0; from < page.length; from += bytes.capacity() / 4) {
        int count = Math.min(bytes.capacity() / 4, page.length - from);
        bytes.clear().limit(count * 4);
        while (bytes.hasRemaining()) {
          if (channel.read(bytes) < 0) {
            throw new IOException("the table is cut short");
          }
        }
        bytes.flip();
        bytes.asFloatBuffer().get(page, from, count);
      }
    }
  }
}
