package io.tandem.artifact;

import java.io.IOException;
import java.io.OutputStream;

/** Whole numbers to a stream, lowest byte first. */
final class LittleEndian {
  private LittleEndian() {}

  static void writeInt(OutputStream out, int value) throws IOException {
    for (int shift = 0; shift < Integer.SIZE; shift += Byte.SIZE) {
      out.write(value >>> shift);
    }
  }

  static void writeLong(OutputStream out, long value) throws IOException {
    writeInt(out, (int) value);
    writeInt(out, (int) (value >>> Integer.SIZE));
  }
}
