package io.tandem.retrieval;

import io.tandem.artifact.Publisher;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Attributes;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.data.KeyTable;
import io.tandem.data.Rows;
import io.tandem.feature.Features;
import io.tandem.feature.InputSchema;
import io.tandem.tower.TowerModel;
import io.tandem.tower.TowerShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** A store of any size: two towers with fresh weights over made-up items. */
final class BenchmarkStore {
  private static final int HISTORY = 20;
  private static final int CHUNK = 1 << 14;

  private BenchmarkStore() {}

  /**
   * Publishes a version.
   *
   * @param index the specification's index section, in YAML
   */
  static Version publish(Path folder, int items, int queries, int dim, String index)
      throws IOException {
    Path specFile = folder.resolve("spec.yaml");
    Files.writeString(
        specFile,
        """
        name: benchmark
        data:
          interactions: {path: none.csv, query: userId, item: movieId}
          split: {type: leave_last_out}
        features:
          query:
            - {name: history, type: sequence, of: movieId, max_length: 20, pooling: mean}
          item:
            - {name: movieId, type: id, dim: 64}
        model: {type: two_tower, dim: %d, query_hidden: [128], item_hidden: [128], normalize: true}
        training: {loss: in_batch_softmax}
        index: %s
        """
            .formatted(dim, index));
    ModelSpec spec = SpecReader.read(specFile, Map.of());
    ModelConfig.TwoTower shape = (ModelConfig.TwoTower) spec.model();
    Dataset dataset = dataset(items, queries);
    Features features = Features.fit(spec.features(), spec.data(), dataset);
    Path towers = Files.createDirectory(folder.resolve("exported"));
    TowerModel.create(
            tower(features.querySchema(), shape.queryHidden(), shape),
            tower(features.itemSchema(), shape.itemHidden(), shape),
            spec.training().optimizer(),
            42)
        .export(towers);
    return Publisher.publish(
        Store.create(folder.resolve("store")),
        spec,
        new Publisher.Towers(features, towers),
        dataset,
        Map.of(),
        Runtime.getRuntime().availableProcessors());
  }

  /** Queries as a service would ask them: a key, and a history or none. */
  static List<Query> queries(int count, int items, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Query> queries = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      List<String> history = new ArrayList<>();
      for (int j = 0; j < HISTORY; j++) {
        history.add("item-" + random.nextInt(items));
      }
      queries.add(Query.builder().putSequence("history", history).build());
    }
    return queries;
  }

  /** Removes a folder and all in it. */
  static void remove(Path folder) throws IOException {
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(folder)) {
      paths = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : paths) {
      Files.delete(path);
    }
  }

  private static TowerShape tower(
      InputSchema input, List<Integer> hidden, ModelConfig.TwoTower shape) {
    return new TowerShape(
        input,
        shape.queryCombine(),
        hidden,
        shape.dim(),
        shape.activation(),
        0,
        0,
        shape.normalize());
  }

  private static Dataset dataset(int items, int queries) {
    SplittableRandom random = new SplittableRandom(1);
    int perQuery = Math.max(HISTORY, (items + queries - 1) / queries);
    int[] offsets = new int[queries + 1];
    int[] touched = new int[queries * perQuery];
    for (int i = 0; i < touched.length; i++) {
      // Every item once, so that all have an embedding of their own; the rest at random.
      touched[i] = i < items ? i : random.nextInt(items);
    }
    for (int query = 0; query <= queries; query++) {
      offsets[query] = query * perQuery;
    }
    Interactions train = new Interactions(offsets, touched, new long[0], new float[0]);
    Interactions none =
        new Interactions(new int[queries + 1], new int[0], new long[0], new float[0]);
    return new Dataset(
        keys("user-", queries),
        keys("item-", items),
        new Keys("userId", "user-", queries),
        new Keys("movieId", "item-", items),
        new Dataset.Split(train, none, none));
  }

  private static KeyTable keys(String prefix, int count) {
    KeyTable.Builder builder = new KeyTable.Builder();
    for (int i = 0; i < count; i++) {
      builder.add(prefix + i);
    }
    return builder.build();
  }

  /** Attributes that are nothing but the key. */
  private record Keys(String column, String prefix, int size) implements Attributes {
    @Override
    public void forEachChunk(Consumer<Rows> consumer) {
      for (int from = 0; from < size; from += CHUNK) {
        String[] keys = new String[Math.min(CHUNK, size - from)];
        int first = from;
        Arrays.setAll(keys, i -> prefix + (first + i));
        consumer.accept(new Rows(keys, Map.of(column, new Rows.Column.Text(keys))));
      }
    }
  }
}
