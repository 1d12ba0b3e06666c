package io.tandem.rebuild;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Publisher;
import io.tandem.config.ModelSpec;
import io.tandem.data.Dataset;
import io.tandem.training.Trained;
import io.tandem.training.Trainer;
import io.tandem.training.Training;
import io.tandem.training.TrainingException;
import io.tandem.training.TrainingListener;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Towers trained anew, beginning with what earlier ones learned; continued after a crash. */
final class Retraining {
  private final ModelSpec spec;
  private final Dataset dataset;
  private final Path folder;

  Retraining(ModelSpec spec, Dataset dataset, Path folder) {
    this.spec = spec;
    this.dataset = dataset;
    this.folder = folder;
  }

  /**
   * @param warmRows embedding rows that begin with what they learned before
   */
  record Result(Publisher.Towers towers, Map<String, Double> facts, long warmRows) {}

  Result train(Publisher.Towers earlier, TrainingListener listener) {
    Training training = training(earlier, listener);
    Trained trained;
    if (training.canResume()) {
      try {
        trained = training.train(Trainer.Start.RESUME);
      } catch (TrainingException otherData) {
        training = training(earlier, listener);
        trained = training.train(Trainer.Start.FRESH);
      }
    } else {
      trained = training.train(Trainer.Start.FRESH);
    }
    if (trained.model() instanceof Publisher.Towers towers) {
      return new Result(towers, trained.facts(), training.warmRows());
    }
    throw new ArtifactException("the training was interrupted; the next rebuild continues it");
  }

  /** A checkpoint belongs to the towers that the training began with. */
  private Training training(Publisher.Towers earlier, TrainingListener listener) {
    Path own = folder.resolve(hash(earlier).substring(0, 12));
    return new Training(spec, dataset, own, listener).warmStart(earlier);
  }

  /** A hash over trained towers before they are in a version. */
  static String hash(Publisher.Towers towers) {
    Hasher hasher = Hashing.sha256().newHasher();
    try (Stream<Path> walk = Files.walk(towers.towers())) {
      List<Path> files = walk.filter(Files::isRegularFile).sorted().toList();
      for (Path file : files) {
        hasher.putString(towers.towers().relativize(file).toString(), StandardCharsets.UTF_8);
        hasher.putBytes(
            com.google.common.io.Files.asByteSource(file.toFile())
                .hash(Hashing.sha256())
                .asBytes());
      }
      return hasher.hash().toString();
    } catch (IOException e) {
      throw new ArtifactException(
          "cannot read the towers " + towers.towers() + ": " + e.getMessage(), e);
    }
  }
}
