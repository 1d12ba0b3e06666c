package io.tandem.tower.sequence;

import io.tandem.data.DataException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;

/**
 * An encoder's weights as plain numbers. Big-endian: magic, kind, dim, layers, heads, maxLength
 * (ints), then the weights in the order of {@link Layout}, each column by column, then the CRC-32
 * of all before it (long).
 */
final class WeightsFile {
  private static final long MAGIC = 0x54_4e_44_4d_53_45_51_31L; // TNDMSEQ1
  private static final int HEADER = Long.BYTES + 5 * Integer.BYTES;

  private WeightsFile() {}

  static void write(Path file, SequenceShape shape, float[] weights) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(HEADER + Float.BYTES * weights.length + Long.BYTES);
    bytes
        .putLong(MAGIC)
        .putInt(code(shape.kind()))
        .putInt(shape.dim())
        .putInt(shape.layers())
        .putInt(shape.heads())
        .putInt(shape.maxLength());
    for (float weight : weights) {
      bytes.putFloat(weight);
    }
    bytes.putLong(checksum(bytes));
    Files.write(file, bytes.array());
  }

  /**
   * The weights of a file of exactly the expected shape.
   *
   * @throws DataException if it is damaged or of another shape
   */
  static float[] read(Path file, SequenceShape expected) {
    try {
      long length = Layout.length(expected);
      long size = Files.size(file);
      long expectedSize = HEADER + Float.BYTES * length + Long.BYTES;
      if (size != expectedSize || size > Integer.MAX_VALUE) {
        throw new DataException(
            "%s: %d bytes, expected %d for %s".formatted(file, size, expectedSize, expected));
      }
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
      if (bytes.limit() != size || bytes.getLong() != MAGIC) {
        throw new DataException(file + ": not the weights of a sequence encoder");
      }
      int[] found = {
        bytes.getInt(), bytes.getInt(), bytes.getInt(), bytes.getInt(), bytes.getInt()
      };
      check(file, "kind", found[0], code(expected.kind()));
      check(file, "dim", found[1], expected.dim());
      check(file, "layers", found[2], expected.layers());
      check(file, "heads", found[3], expected.heads());
      check(file, "maximal length", found[4], expected.maxLength());
      float[] weights = new float[(int) length];
      for (int i = 0; i < weights.length; i++) {
        weights[i] = bytes.getFloat();
      }
      if (bytes.getLong(bytes.position()) != checksum(bytes)) {
        throw new DataException(file + ": damaged, its checksum does not fit");
      }
      return weights;
    } catch (IOException e) {
      throw DataException.unreadable(file, e);
    }
  }

  private static void check(Path file, String what, int found, int expected) {
    if (found != expected) {
      throw new DataException("%s: %s %d, expected %d".formatted(file, what, found, expected));
    }
  }

  private static int code(SequenceShape.Kind kind) {
    return switch (kind) {
      case TRANSFORMER -> 1;
      case GRU -> 2;
      case ATTENTION -> 3;
    };
  }

  /** Of all before the position. */
  private static long checksum(ByteBuffer bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes.duplicate().flip());
    return crc.getValue();
  }
}
