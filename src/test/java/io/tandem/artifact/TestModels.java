package io.tandem.artifact;

import io.tandem.artifact.Publisher.Model;
import io.tandem.baseline.Popularity;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.feature.Features;
import io.tandem.feature.InputSchema;
import io.tandem.tower.TowerModel;
import io.tandem.tower.TowerShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A small data set and models of it, published as users' are. */
public final class TestModels {
  public static final int ITEMS = 600;
  public static final int QUERIES = 40;

  private TestModels() {}

  /** Specification and data of a model in a folder. */
  public static ModelSpec spec(Path folder, String model, String index) throws IOException {
    StringBuilder ratings = new StringBuilder("userId,movieId,timestamp\n");
    Random random = new Random(5);
    for (int query = 0; query < QUERIES; query++) {
      for (int i = 0; i < 20; i++) {
        int item = (int) Math.min(ITEMS - 1, Math.abs(random.nextGaussian()) * ITEMS / 4);
        ratings.append("u%d,m%d,%d%n".formatted(query, item, 1_000_000 + i));
      }
    }
    Files.writeString(folder.resolve("ratings.csv"), ratings.toString());
    StringBuilder movies = new StringBuilder("movieId,title,genres,year\n");
    for (int item = 0; item < ITEMS; item++) {
      movies.append(
          "m%d,Film né %d,%s,%s%n"
              .formatted(
                  item,
                  item,
                  item % 2 == 0 ? "A|B" : "C",
                  item % 50 == 7 ? "" : 1900 + item % 120));
    }
    Files.writeString(folder.resolve("movies.csv"), movies.toString());
    Path file = folder.resolve("spec.yaml");
    Files.writeString(
        file,
        """
        name: small
        data:
          interactions: {path: ratings.csv, query: userId, item: movieId, time: timestamp}
          items: {path: movies.csv, key: movieId}
          split: {type: leave_last_out}
        features:
          query:
            - {name: userId, type: id, dim: 8}
            - {name: history, type: sequence, of: movieId, max_length: 10, pooling: mean}
          item:
            - {name: movieId, type: id, dim: 8}
            - {name: genres, type: bag, separator: "|", dim: 4}
            - {name: title, type: text, buckets: 50, dim: 4}
        model: %s
        training: {loss: in_batch_softmax, batch: 32, epochs: 1}
        index: %s
        """
            .formatted(model, index));
    return SpecReader.read(file, Map.of());
  }

  /** Publishes item counts as a model. */
  public static Version publishPopularity(Path folder, Store store) throws IOException {
    ModelSpec spec = spec(folder, "{type: popularity}", "{type: auto}");
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      float[] scores = Popularity.scores(dataset.split().train(), dataset.itemKeys().size());
      return publish(spec, new Publisher.Popularity(scores), store);
    }
  }

  /** Publishes two towers of fresh weights. */
  public static Version publishTowers(Path folder, Store store, String index) throws IOException {
    ModelSpec spec = towerSpec(folder, index);
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      Features features = Features.fit(spec.features(), spec.data(), dataset);
      Path towers = export(folder, features, spec, 8);
      return publish(spec, new Publisher.Towers(features, towers), store);
    }
  }

  /** Specification of two towers of dimension 8. */
  public static ModelSpec towerSpec(Path folder, String index) throws IOException {
    return spec(
        folder,
        "{type: two_tower, dim: 8, query_hidden: [12], item_hidden: [12], normalize: true}",
        index);
  }

  /** Exports towers of fresh weights and some output dimension to a new folder. */
  public static Path export(Path folder, Features features, ModelSpec spec, int dim)
      throws IOException {
    ModelConfig.TwoTower shape = (ModelConfig.TwoTower) spec.model();
    Path towers = Files.createTempDirectory(folder, "towers");
    TowerModel.create(
            tower(features.querySchema(), shape.queryHidden(), dim),
            tower(features.itemSchema(), shape.itemHidden(), dim),
            spec.training().optimizer(),
            42)
        .export(towers);
    return towers;
  }

  private static TowerShape tower(InputSchema input, List<Integer> hidden, int dim) {
    return new TowerShape(
        input, ModelConfig.Combine.CONCAT, hidden, dim, ModelConfig.Activation.RELU, 0, 0, true);
  }

  /** Publishes a model over the data that its specification names. */
  public static Version publish(ModelSpec spec, Model model, Store store) {
    try (Dataset dataset = DatasetReader.read(spec.data())) {
      return Publisher.publish(store, spec, model, dataset, Map.of("recall@10", 0.25), 2);
    }
  }
}
