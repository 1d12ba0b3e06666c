package io.tandem.tower.sequence;

import java.nio.FloatBuffer;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.FloatPointer;

/**
 * Activations of packed positions, channel by channel: a column-major [rows, channels] matrix whose
 * memory, outside of ND4J, is kept from step to step.
 *
 * <p>Where it is an affine map's input it has one more channel of ones, so that the map's bias is
 * the last row of its matrix and needs no pass of its own, forward or back.
 */
final class Columns {
  private final int channels;
  private final int width;
  private int rows;
  private FloatBuffer buffer = FloatBuffer.allocate(0);
  private FloatPointer pointer = new FloatPointer();

  private Columns(int channels, int width) {
    this.channels = channels;
    this.width = width;
  }

  static Columns plain(int channels) {
    return new Columns(channels, channels);
  }

  static Columns withOnes(int channels) {
    return new Columns(channels, channels + 1);
  }

  /** Makes room; what it held is lost when the number of rows changes. */
  Columns reserve(int newRows) {
    if (rows == newRows) {
      return this;
    }
    long length = (long) width * newRows;
    if (length > Integer.MAX_VALUE / Float.BYTES) {
      throw new IllegalArgumentException(
          "%d positions of width %d are too many for one batch".formatted(newRows, width));
    }
    if (buffer.capacity() < length) {
      pointer = new FloatPointer(Math.min(length + length / 8, Integer.MAX_VALUE / 4));
      pointer.zero();
      buffer = pointer.asBuffer();
    }
    rows = newRows;
    if (width > channels) {
      for (int i = channels * rows; i < width * rows; i++) {
        buffer.put(i, 1);
      }
    }
    return this;
  }

  int channels() {
    return channels;
  }

  /** Channels, that of ones included. */
  int width() {
    return width;
  }

  int rows() {
    return rows;
  }

  /** Where a channel starts; the next follow, column-major. */
  FloatPointer pointer(int channel) {
    return new FloatPointer(pointer).position((long) channel * rows);
  }

  void get(int channel, int from, float[] row, int length) {
    buffer.get(channel * rows + from, row, 0, length);
  }

  void put(int channel, int from, float[] row, int length) {
    buffer.put(channel * rows + from, row, 0, length);
  }

  /** Reads all channels of some positions into [channel][position]. */
  void get(int from, float[][] target, int at, int length) {
    for (int c = 0; c < channels; c++) {
      buffer.get(c * rows + from, target[at + c], 0, length);
    }
  }

  void put(int from, float[][] source, int at, int length) {
    for (int c = 0; c < channels; c++) {
      buffer.put(c * rows + from, source[at + c], 0, length);
    }
  }

  /** Reads all channels of a position. */
  void getPosition(int position, float[] target) {
    for (int c = 0; c < channels; c++) {
      target[c] = buffer.get(c * rows + position);
    }
  }

  void putPosition(int position, float[] source) {
    for (int c = 0; c < channels; c++) {
      buffer.put(c * rows + position, source[c]);
    }
  }

  /** Zeroes what lies behind the positions. */
  void clearPadding(Packing packing) {
    for (int c = 0; c < channels; c++) {
      for (int i = c * rows + packing.positions(); i < (c + 1) * rows; i++) {
        buffer.put(i, 0);
      }
    }
  }

  /** From [positions × channels] row-major. */
  void fromRows(FloatBuffer source, Packing packing, Workspace workspace) {
    reserve(packing.rows());
    IntStream.range(0, packing.blocks())
        .parallel()
        .forEach(
            block -> {
              int from = block * Packing.BLOCK;
              int count = Math.max(0, Math.min(packing.positions() - from, Packing.BLOCK));
              if (count == 0) {
                return;
              }
              float[] flat = workspace.flat(channels * Packing.BLOCK);
              float[] row = workspace.rows(1)[0];
              source.get(from * channels, flat, 0, count * channels);
              for (int c = 0; c < channels; c++) {
                for (int i = 0; i < count; i++) {
                  row[i] = flat[i * channels + c];
                }
                put(c, from, row, count);
              }
            });
    clearPadding(packing);
  }

  /** Into [positions × channels] row-major. */
  void toRows(FloatBuffer target, Packing packing, Workspace workspace) {
    IntStream.range(0, packing.blocks())
        .parallel()
        .forEach(
            block -> {
              int from = block * Packing.BLOCK;
              int count = Math.max(0, Math.min(packing.positions() - from, Packing.BLOCK));
              if (count == 0) {
                return;
              }
              float[] flat = workspace.flat(channels * Packing.BLOCK);
              float[] row = workspace.rows(1)[0];
              for (int c = 0; c < channels; c++) {
                get(c, from, row, count);
                for (int i = 0; i < count; i++) {
                  flat[i * channels + c] = row[i];
                }
              }
              target.put(from * channels, flat, 0, count * channels);
            });
  }
}
