package io.tandem.artifact;

import io.tandem.artifact.Publisher.Towers;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.feature.QueryContext;
import io.tandem.tower.ExportedTower;
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
  /** Queries, evenly spread over those with a history, that a sample has at most. */
  private static final int MOST = 500;

  private QuerySample() {}

  /**
   * Embeds a sample of training's queries, each with all of its history: [queries × dimension].
   *
   * @throws ArtifactException if the tower is of another dimension
   */
  static float[] draw(Dataset dataset, Towers towers, int dimension) {
    InputSchema schema = towers.features().querySchema();
    ExportedTower tower = ExportedTower.open(towers.towers(), ExportedTower.Side.QUERY, schema);
    Draft.requireDimension(towers.towers(), "query", dimension, tower.dim());
    FeatureBatch batch = new FeatureBatch(schema);
    Interactions train = dataset.split().train();
    EventEncoder events = towers.features().events(dataset);
    int n = Math.min(MOST, train.queries());
    for (int i = 0; i < n; i++) {
      int query = (int) ((long) i * train.queries() / n);
      int end = train.end(query);
      if (train.count(query) > 0) {
        QueryContext context = QueryContext.of(train, train.start(query), end, train.time(end - 1));
        events.encode(query, context, batch);
      }
    }
    float[] vectors = new float[batch.rows() * dimension];
    tower.embedAll(batch, Runtime.getRuntime().availableProcessors(), vectors);
    return vectors;
  }

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
