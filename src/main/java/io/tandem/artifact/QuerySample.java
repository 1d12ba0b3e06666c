package io.tandem.artifact;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * {@code queries.vectors}: vectors of a sample of queries, which an index's recall is measured
 * with, now and when the version gets another index. [queries × dimension] floats, row-major,
 * little-endian.
 */
final class QuerySample {
  private QuerySample() {}

  static void write(float[] vectors, int n, int dimension, VersionWriter writer)
      throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(n * dimension * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(vectors, 0, n * dimension);
    try (OutputStream out = writer.create(Version.QUERY_SAMPLE)) {
      out.write(bytes.array());
    }
  }

  /** Reads what {@link #write} wrote. */
  static float[] read(Version version) throws IOException {
    Path file = version.folder().resolve(Version.QUERY_SAMPLE);
    int dimension = version.manifest().dimension();
    if (!Files.exists(file)) {
      throw ArtifactException.of(file, "a sample of queries", "no such file");
    }
    FloatBuffer floats =
        ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    if (floats.limit() % dimension != 0) {
      throw ArtifactException.of(file, "vectors of dimension " + dimension, floats.limit());
    }
    float[] vectors = new float[floats.limit()];
    floats.get(vectors);
    return vectors;
  }
}
