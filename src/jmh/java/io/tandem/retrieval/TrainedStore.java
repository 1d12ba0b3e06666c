package io.tandem.retrieval;

import com.google.common.hash.Hashing;
import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Store;
import io.tandem.index.faiss.BenchmarkFolder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A store of a trained model and as many items as asked for, kept for the next run. */
final class TrainedStore {
  private TrainedStore() {}

  /**
   * The store's folder.
   *
   * @param index the specification's index section, in YAML
   * @param versions that it has: alike but for their ids
   */
  static Path of(int items, String index, int versions) throws IOException {
    String hash = Hashing.sha256().hashString(index, StandardCharsets.UTF_8).toString();
    Path folder = BenchmarkFolder.of("store-%d-%s".formatted(items, hash.substring(0, 8)));
    Path store = folder.resolve("store");
    if (isComplete(store, versions)) {
      return store;
    }
    if (Files.exists(folder)) {
      MoreFiles.deleteRecursively(folder, RecursiveDeleteOption.ALLOW_INSECURE);
    }
    Files.createDirectories(folder);
    TrainedModel model = TrainedModel.train(Files.createDirectory(folder.resolve("training")));
    for (int version = 0; version < versions; version++) {
      model.publish(store, items, index);
    }
    return store;
  }

  /** Queries as a service asks them, none of which training saw. */
  static List<Query> queries(int n) {
    return java.util.stream.IntStream.range(0, n)
        .mapToObj(i -> MarketWorld.taste(1_000_000 + i).query())
        .toList();
  }

  private static boolean isComplete(Path store, int versions) {
    try {
      return Files.exists(store)
          && Store.open(store).currentId().isPresent()
          && Store.open(store).versions().size() >= versions;
    } catch (ArtifactException unreadable) {
      return false;
    }
  }
}
