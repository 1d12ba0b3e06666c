package io.tandem.retrieval;

import io.tandem.artifact.Publisher;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.data.Rows;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.feature.QueryContext;
import io.tandem.tower.ExportedTower;
import io.tandem.training.Trained;
import io.tandem.training.Trainer;
import io.tandem.training.Training;
import io.tandem.training.TrainingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Two towers trained on a {@link MarketWorld}, for benchmarks that need embeddings as training
 * makes them: neither isotropic nor in neat clusters. Its items are new to the towers, which embed
 * them from their features, so that there are as many as asked for.
 *
 * <p>The item tower is 600 categories, 4,000 tags and a price through 128 hidden units to {@value
 * #DIM} components of length 1; the query tower likewise.
 */
public final class TrainedModel {
  /** Width of the embeddings. */
  public static final int DIM = 64;

  private static final int TRAINING_ITEMS = 50_000;
  private static final int TRAINING_QUERIES = 40_000;
  private static final int PER_QUERY = 12;

  /** Items and queries from this number on had no part in training. */
  private static final int UNSEEN = 1_000_000;

  private static final int CHUNK = 1 << 14;

  private final MarketWorld world = new MarketWorld();
  private final Path folder;
  private final Features features;
  private final Path towers;

  private TrainedModel(Path folder, ModelSpec spec) {
    this.folder = folder;
    try (Dataset dataset = world.dataset(0, TRAINING_ITEMS, 0, TRAINING_QUERIES, PER_QUERY)) {
      Training training = new Training(spec, dataset, folder, TrainingListener.NONE);
      Trained trained = training.train(Trainer.Start.FRESH);
      Publisher.Towers model = (Publisher.Towers) Objects.requireNonNull(trained.model());
      features = model.features();
      towers = model.towers();
    }
  }

  /**
   * Trains, which takes a minute or two.
   *
   * @param folder an existing one, for specification, checkpoints and towers
   */
  public static TrainedModel train(Path folder) throws IOException {
    return new TrainedModel(folder, spec(folder, "{type: flat}"));
  }

  private static ModelSpec spec(Path folder, String index) throws IOException {
    Path file = folder.resolve("spec.yaml");
    Files.writeString(
        file,
        """
        name: trained
        data:
          interactions: {path: none.csv, query: user, item: item}
          queries: {path: none.csv, key: user}
          items: {path: none.csv, key: item}
          split: {type: random}
        features:
          query:
            - {name: likes, type: bag, separator: "|", dim: 32}
            - {name: interests, type: bag, separator: "|", dim: 32}
          item:
            - {name: category, type: id, dim: 32}
            - {name: tags, type: bag, separator: "|", dim: 32}
            - {name: price, type: numeric, transform: log1p}
        model: {type: two_tower, dim: %d, query_hidden: [128], item_hidden: [128], normalize: true}
        training: {loss: in_batch_softmax, temperature: 0.05, batch: 2048, epochs: 4}
        index: %s
        """
            .formatted(DIM, index));
    return SpecReader.read(file, Map.of());
  }

  /** Embeddings of some items, [n × DIM] row-major. */
  public float[] items(int n) {
    ExportedTower tower =
        ExportedTower.open(towers, ExportedTower.Side.ITEM, features.itemSchema());
    float[] vectors = new float[n * DIM];
    FeatureBatch batch = new FeatureBatch(features.itemSchema());
    for (int from = 0; from < n; from += CHUNK) {
      Rows rows = MarketWorld.itemRows(UNSEEN + from, Math.min(CHUNK, n - from));
      batch.clear();
      features.items().encode(rows, batch);
      embed(tower, batch, vectors, from);
    }
    return vectors;
  }

  /**
   * Embeddings of some queries, [n × DIM] row-major.
   *
   * @param first number of the first, to have others each time
   */
  public float[] queries(int first, int n) {
    ExportedTower tower =
        ExportedTower.open(towers, ExportedTower.Side.QUERY, features.querySchema());
    FeatureBatch batch = new FeatureBatch(features.querySchema());
    try (Dataset dataset = world.dataset(UNSEEN, 100, UNSEEN + first, n, 1)) {
      EventEncoder events = features.events(dataset);
      for (int query = 0; query < n; query++) {
        QueryContext none = QueryContext.of(dataset.split().train(), query, query, 0);
        events.encode(query, none, batch);
      }
    }
    float[] vectors = new float[n * DIM];
    embed(tower, batch, vectors, 0);
    return vectors;
  }

  private static void embed(ExportedTower tower, FeatureBatch batch, float[] vectors, int from) {
    float[] chunk = new float[batch.rows() * DIM];
    tower.embedAll(batch, Runtime.getRuntime().availableProcessors(), chunk);
    System.arraycopy(chunk, 0, vectors, from * DIM, chunk.length);
  }

  /** The same queries as a service asks them. */
  List<Query> asked(int first, int n) {
    List<Query> queries = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      queries.add(MarketWorld.taste(UNSEEN + first + i).query());
    }
    return queries;
  }

  /**
   * Publishes the model with some items.
   *
   * @param store the folder of the store
   * @param index the specification's index section, in YAML
   */
  Version publish(Path store, int items, String index) throws IOException {
    try (Dataset dataset = world.dataset(UNSEEN, items, 3 * UNSEEN, 10_000, 2)) {
      return Publisher.publish(
          Store.create(store),
          spec(folder, index),
          new Publisher.Towers(features, towers),
          dataset,
          Map.of(),
          Runtime.getRuntime().availableProcessors());
    }
  }

  /** Writes vectors as a file of little-endian floats, for {@code arguments} FOLDER ITEMS. */
  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args[0]));
    long start = System.nanoTime();
    TrainedModel model = train(folder);
    System.out.printf("trained in %.0f s%n", (System.nanoTime() - start) / 1e9);
    write(folder.resolve("items.f32"), model.items(Integer.parseInt(args[1])));
    write(folder.resolve("queries.f32"), model.queries(0, 2000));
    System.out.printf("embedded after %.0f s%n", (System.nanoTime() - start) / 1e9);
  }

  private static void write(Path file, float[] vectors) throws IOException {
    java.nio.ByteBuffer bytes =
        java.nio.ByteBuffer.allocate(vectors.length * 4).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(vectors);
    Files.write(file, bytes.array());
  }
}
