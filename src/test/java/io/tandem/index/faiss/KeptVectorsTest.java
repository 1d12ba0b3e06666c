package io.tandem.index.faiss;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeptVectorsTest {
  private static final int DIMENSION = 64;

  /** 2.5 GiB; the file has holes where nothing was written. */
  private static final long ROWS = 10L << 20;

  @Test
  void vectorsBeyondTwoGibibytesAreReadAndWrittenAsOthersAre(@TempDir Path folder)
      throws IOException {
    Path file = folder.resolve("items.vectors");
    // More than is written at a time, the last not a whole chunk.
    int n = KeptVectors.CHUNK + 7 * DIMENSION;
    byte[] last = new byte[n * Float.BYTES];
    ByteBuffer numbers = ByteBuffer.wrap(last).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < n; i++) {
      numbers.putFloat(i + 0.5f);
    }
    long first = ROWS * DIMENSION - n;
    assertThat(first * Float.BYTES).isGreaterThan(Integer.MAX_VALUE);
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.seek(first * Float.BYTES);
      sparse.write(last);
    }
    try (KeptVectors kept = KeptVectors.map(file, ROWS, DIMENSION)) {
      float[] vector = new float[DIMENSION];
      kept.vector((int) ROWS - 1, vector);
      assertThat(vector[DIMENSION - 1]).isEqualTo(n - 0.5f);
      ByteArrayOutputStream written = new ByteArrayOutputStream();
      kept.write(Channels.newChannel(written), first);
      assertThat(written.toByteArray()).isEqualTo(last);
    }
  }
}
