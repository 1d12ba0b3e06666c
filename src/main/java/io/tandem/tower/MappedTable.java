package io.tandem.tower;

import io.tandem.data.DataException;
import io.tandem.feature.InputSchema.TableShape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** An embedding table read where it lies on disk. Immutable; safe for any number of threads. */
final class MappedTable {
  private static final int PAGE_FLOATS = 1 << 28;

  private final int dim;
  private final int shift;
  private final FloatBuffer[] pages;

  private MappedTable(int dim, int shift, FloatBuffer[] pages) {
    this.dim = dim;
    this.shift = shift;
    this.pages = pages;
  }

  static MappedTable open(Path file, TableShape shape) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long expected = TowerFiles.TABLE_HEADER + 4L * shape.rows() * shape.dim();
      if (channel.size() != expected) {
        throw new DataException(
            "%s: %d bytes, expected %d for %d rows of %d"
                .formatted(file, channel.size(), expected, shape.rows(), shape.dim()));
      }
      ByteBuffer header =
          channel
              .map(FileChannel.MapMode.READ_ONLY, 0, TowerFiles.TABLE_HEADER)
              .order(ByteOrder.LITTLE_ENDIAN);
      if (header.getLong(0) != TowerFiles.TABLE_MAGIC
          || header.getInt(8) != shape.rows()
          || header.getInt(12) != shape.dim()) {
        throw new DataException(
            "%s: not a table of %d rows of %d".formatted(file, shape.rows(), shape.dim()));
      }
      int shift = 31 - Integer.numberOfLeadingZeros(Math.max(1, PAGE_FLOATS / shape.dim()));
      long perPage = 1L << shift;
      FloatBuffer[] pages = new FloatBuffer[(int) ((shape.rows() + perPage - 1) / perPage)];
      for (int page = 0; page < pages.length; page++) {
        long first = page * perPage;
        long rows = Math.min(perPage, shape.rows() - first);
        pages[page] =
            channel
                .map(
                    FileChannel.MapMode.READ_ONLY,
                    TowerFiles.TABLE_HEADER + first * shape.dim() * 4,
                    rows * shape.dim() * 4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer();
      }
      return new MappedTable(shape.dim(), shift, pages);
    } catch (IOException e) {
      throw DataException.unreadable(file, e);
    }
  }

  /** Copies a row to the beginning of an array. */
  void row(int row, float[] target) {
    row(row, target, 0);
  }

  /** Copies a row to a place in an array. */
  void row(int row, float[] target, int at) {
    pages[row >>> shift].get((row & (1 << shift) - 1) * dim, target, at, dim);
  }
}
