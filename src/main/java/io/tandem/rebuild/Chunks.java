package io.tandem.rebuild;

import io.tandem.artifact.Disk;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Embedded chunks of a catalogue on disk, so that a job that died need not embed them again: {@code
 * STORE/rebuild/chunks/FIRST_ROW}. A chunk holds for one model and one sequence of encoded items; a
 * file of others, or a damaged one, is as none. Safe for any number of threads, one for each chunk.
 *
 * <p>File, little-endian: hash of the model (ASCII), rows, width, hashes of the encoded items
 * [rows], vectors [rows × width], checksum of all before (CRC-32C).
 */
final class Chunks {
  private final Path folder;
  private final Disk disk;
  private final byte[] model;

  Chunks(Path folder, Disk disk, String modelHash) {
    this.folder = folder;
    this.disk = disk;
    model = modelHash.getBytes(StandardCharsets.US_ASCII);
  }

  /** The vectors of a chunk, [rows × width]; null where they are not there. */
  float @Nullable [] read(int first, long[] hashes, int width) throws IOException {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file(first));
    } catch (NoSuchFileException e) {
      return null;
    }
    if (bytes.length != length(hashes.length, width)) {
      return null;
    }
    ByteBuffer expected = ByteBuffer.wrap(new byte[head(hashes.length)]);
    writeHead(expected.order(ByteOrder.LITTLE_ENDIAN), hashes, width);
    ByteBuffer found = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    boolean same =
        expected.flip().equals(found.slice(0, head(hashes.length)))
            && found.getInt(bytes.length - Integer.BYTES) == checksum(bytes);
    if (!same) {
      return null;
    }
    float[] vectors = new float[hashes.length * width];
    found.position(head(hashes.length)).asFloatBuffer().get(vectors);
    return vectors;
  }

  void write(int first, long[] hashes, float[] vectors, int width) throws IOException {
    byte[] bytes = new byte[length(hashes.length, width)];
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    writeHead(buffer, hashes, width);
    buffer.asFloatBuffer().put(vectors, 0, hashes.length * width);
    buffer.putInt(bytes.length - Integer.BYTES, checksum(bytes));
    Path file = file(first);
    Path next = file.resolveSibling(file.getFileName() + ".next");
    disk.createFolderOf(file);
    disk.delete(next);
    try (OutputStream out = disk.create(next)) {
      out.write(bytes);
    }
    disk.move(next, file);
  }

  private Path file(int first) {
    return folder.resolve("%010d".formatted(first));
  }

  private void writeHead(ByteBuffer buffer, long[] hashes, int width) {
    buffer.put(model).putInt(hashes.length).putInt(width);
    for (long hash : hashes) {
      buffer.putLong(hash);
    }
  }

  private int head(int rows) {
    return model.length + 2 * Integer.BYTES + rows * Long.BYTES;
  }

  private int length(int rows, int width) {
    return Math.addExact(head(rows) + Integer.BYTES, Math.multiplyExact(rows, width * Float.BYTES));
  }

  /** Of all but the last four bytes. */
  private static int checksum(byte[] bytes) {
    CRC32C checksum = new CRC32C();
    checksum.update(bytes, 0, bytes.length - Integer.BYTES);
    return (int) checksum.getValue();
  }
}
