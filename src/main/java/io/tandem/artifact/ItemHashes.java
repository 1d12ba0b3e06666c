package io.tandem.artifact;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.LongBuffer;
import java.nio.file.Path;

/**
 * For each item of a version a hash of its encoded features, in the order of rows: where it and the
 * towers are the same, so is the vector. {@code items.hashes}: [items] longs, little-endian.
 */
public final class ItemHashes {
  private final LongBuffer hashes;

  private ItemHashes(LongBuffer hashes) {
    this.hashes = hashes;
  }

  /** Hash of an item by its row. */
  public long of(int row) {
    return hashes.get(row);
  }

  static ItemHashes open(Path file, int items) {
    LongBuffer hashes = Mapped.open(file).asLongBuffer();
    if (hashes.limit() != items) {
      throw ArtifactException.of(file, items + " hashes", hashes.limit());
    }
    return new ItemHashes(hashes);
  }

  static void write(OutputStream out, long[] hashes, int n) throws IOException {
    for (int i = 0; i < n; i++) {
      LittleEndian.writeLong(out, hashes[i]);
    }
  }
}
