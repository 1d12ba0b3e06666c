package io.tandem.retarget;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;

/** Bytes with random access, little-endian; reading outside of them is refused. */
interface Bytes {
  /** How many there are. */
  long size();

  /** A copy of some of them, in little-endian order. */
  ByteBuffer read(long offset, int length);

  /** A copy of some of them. */
  default byte[] array(long offset, int length) {
    byte[] result = new byte[length];
    read(offset, length).get(result);
    return result;
  }

  /** Text up to the next zero byte, which must come within 32 KiB. */
  default String text(long offset) {
    for (int length = 128; length <= 1 << 16; length *= 4) {
      byte[] bytes = array(offset, (int) Math.max(0, Math.min(length, size() - offset)));
      for (int i = 0; i < bytes.length; i++) {
        if (bytes[i] == 0) {
          return new String(bytes, 0, i, StandardCharsets.UTF_8);
        }
      }
    }
    throw new RetargetException("expected text at offset %d, found no end of it".formatted(offset));
  }

  /** All bytes of an array. */
  static Bytes of(byte[] array) {
    return new Bytes() {
      @Override
      public long size() {
        return array.length;
      }

      @Override
      public ByteBuffer read(long offset, int length) {
        check(offset, length, array.length);
        byte[] copy = new byte[length];
        System.arraycopy(array, (int) offset, copy, 0, length);
        return ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN);
      }
    };
  }

  /** A file's bytes, which stay the caller's to close. */
  static Bytes of(FileChannel file) throws IOException {
    long size = file.size();
    return new Bytes() {
      @Override
      public long size() {
        return size;
      }

      @Override
      public ByteBuffer read(long offset, int length) {
        check(offset, length, size);
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        try {
          while (bytes.hasRemaining()) {
            if (file.read(bytes, offset + bytes.position()) < 0) {
              throw new EOFException("the file became shorter while it was read");
            }
          }
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
        return bytes.flip();
      }
    };
  }

  private static void check(long offset, long length, long size) {
    if (offset < 0 || length < 0 || offset > size - length) {
      throw new RetargetException(
          "expected %d bytes at offset %d, found a file of %d".formatted(length, offset, size));
    }
  }
}
