package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.index.TopK;
import io.tandem.retrieval.TrainedModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Vectors of length 1 and queries for benchmarks of indexes, all [n × dim] row-major.
 *
 * @param name what they are
 * @param tuning queries to choose settings by
 * @param queries other queries, to measure with
 */
record Corpus(String name, int dim, float[] items, float[] tuning, float[] queries) {
  static final int DIM = 64;
  static final int QUERIES = 1_000;

  /** Vectors that the trained model's file holds: a corpus is its beginning. */
  private static final int KEPT = 1_000_000;

  private static final int CENTERS = 2_000;

  /** {@code trained} or {@code clustered}. */
  static Corpus of(String name, int items) throws IOException {
    return switch (name) {
      case "trained" -> trained(items);
      case "clustered" -> clustered(items);
      default -> throw new IllegalArgumentException("expected trained or clustered, found " + name);
    };
  }

  /**
   * What a trained item tower makes of made-up items, and its query tower of queries. Kept in a
   * file, since training takes minutes; remove the folder after a change of the model.
   */
  private static Corpus trained(int items) throws IOException {
    if (items > KEPT) {
      throw new IllegalArgumentException(
          "expected at most %d items, found %d".formatted(KEPT, items));
    }
    Path folder = Files.createDirectories(BenchmarkFolder.of("trained-vectors"));
    Path itemFile = folder.resolve("items");
    Path queryFile = folder.resolve("queries");
    if (!Files.exists(queryFile)) {
      TrainedModel model = TrainedModel.train(Files.createTempDirectory(folder, "training"));
      write(itemFile, model.items(KEPT));
      write(queryFile, model.queries(0, 2 * QUERIES));
    }
    float[] queries = read(queryFile, 2 * QUERIES * DIM);
    return new Corpus(
        "trained",
        DIM,
        read(itemFile, items * DIM),
        Arrays.copyOf(queries, QUERIES * DIM),
        Arrays.copyOfRange(queries, QUERIES * DIM, queries.length));
  }

  /** Gaussian clusters, some much larger than others; queries are of the same clusters. */
  private static Corpus clustered(int items) {
    SplittableRandom random = new SplittableRandom(11);
    float[] centers = new float[CENTERS * DIM];
    for (int i = 0; i < centers.length; i++) {
      centers[i] = (float) random.nextGaussian();
    }
    return new Corpus(
        "clustered",
        DIM,
        around(centers, items, random),
        around(centers, QUERIES, random),
        around(centers, QUERIES, random));
  }

  private static float[] around(float[] centers, int n, SplittableRandom random) {
    float[] vectors = new float[n * DIM];
    for (int i = 0; i < n; i++) {
      int center = (int) Math.exp(random.nextDouble() * Math.log(CENTERS)) - 1;
      for (int j = 0; j < DIM; j++) {
        vectors[i * DIM + j] = centers[center * DIM + j] + 0.7f * (float) random.nextGaussian();
      }
    }
    return Cosine.normalized(vectors, n, DIM);
  }

  int size() {
    return items.length / dim;
  }

  float[] query(int number) {
    return Arrays.copyOfRange(queries, number * dim, (number + 1) * dim);
  }

  /** Builds an index for the tuning queries. */
  FaissIndex build(IndexConfig config) {
    try (FaissBuilder builder = new FaissBuilder(dim, config).expect(size())) {
      builder.add(items, size());
      return (FaissIndex) builder.build(tuning, Math.min(500, QUERIES)).index();
    }
  }

  /**
   * Score of the k-th best item for each query, less rounding: whatever scores as much is among the
   * k best.
   */
  float[] cut(FaissIndex exact, float[] asked, int k) {
    int n = asked.length / dim;
    int[] rows = new int[n * k];
    float[] scores = new float[n * k];
    exact.search(asked, n, k, rows, scores);
    float[] cut = new float[n];
    for (int i = 0; i < n; i++) {
      float last = scores[(i + 1) * k - 1];
      cut[i] = last - 1e-5f * Math.abs(last);
    }
    return cut;
  }

  /** Share of k that reach a cut. */
  double recall(float[] query, int[] rows, int count, int k, float cut) {
    int good = 0;
    for (int i = 0; i < count; i++) {
      good += dot(query, rows[i]) >= cut ? 1 : 0;
    }
    return Math.min(1, good / (double) k);
  }

  double recall(float[] query, TopK hits, int k, float cut) {
    int[] rows = new int[hits.size()];
    Arrays.setAll(rows, hits::row);
    return recall(query, rows, rows.length, k, cut);
  }

  private float dot(float[] query, int row) {
    float sum = 0;
    for (int i = 0; i < dim; i++) {
      sum += query[i] * items[row * dim + i];
    }
    return sum;
  }

  private static void write(Path file, float[] values) throws IOException {
    Path unfinished = file.resolveSibling(file.getFileName() + ".next");
    try (FileChannel channel =
        FileChannel.open(
            unfinished,
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      floats(channel, FileChannel.MapMode.READ_WRITE, values.length).put(values);
    }
    Files.move(unfinished, file);
  }

  private static float[] read(Path file, int count) throws IOException {
    float[] values = new float[count];
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      floats(channel, FileChannel.MapMode.READ_ONLY, count).get(values);
    }
    return values;
  }

  private static FloatBuffer floats(FileChannel channel, FileChannel.MapMode mode, int count)
      throws IOException {
    ByteBuffer bytes = channel.map(mode, 0, (long) count * Float.BYTES);
    return bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
  }
}
