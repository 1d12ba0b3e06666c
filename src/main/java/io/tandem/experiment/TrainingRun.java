package io.tandem.experiment;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.common.hash.Hashing;
import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import io.tandem.artifact.Publisher;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.feature.Features;
import io.tandem.training.EpochResult;
import io.tandem.training.Trained;
import io.tandem.training.Trainer.Start;
import io.tandem.training.Training;
import io.tandem.training.TrainingListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One training in a folder of its own, named by its specification and data: asked for again, it is
 * there already, or continues from its checkpoint.
 */
public final class TrainingRun {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String OUTCOME = "outcome.json";

  private final ModelSpec spec;
  private final Dataset dataset;
  private final Path folder;

  /**
   * What a finished training came to.
   *
   * @param bestEpoch whose parameters the model has; 0 where none was validated
   * @param seconds of training, without validation and without refitting
   * @param facts figures of the training, by name
   */
  public record Outcome(
      String model,
      long seed,
      int bestEpoch,
      double seconds,
      Map<String, Double> facts,
      List<EpochResult> epochs) {}

  /**
   * @param fingerprint of the data set
   * @param parent where the run's folder is, or will be
   */
  TrainingRun(ModelSpec spec, Dataset dataset, String fingerprint, Path parent) {
    this.spec = spec;
    this.dataset = dataset;
    String contents = SpecReader.write(spec) + fingerprint;
    String hash = Hashing.sha256().hashString(contents, StandardCharsets.UTF_8).toString();
    folder =
        parent.resolve(
            "%s-%d-%s".formatted(spec.name(), spec.training().seed(), hash.substring(0, 12)));
  }

  /** Its own among all specifications and data. */
  String name() {
    return String.valueOf(folder.getFileName());
  }

  /** What is trained. */
  public ModelSpec spec() {
    return spec;
  }

  /** Whether there is nothing left to do. */
  public boolean isFinished() {
    return Files.exists(folder.resolve(OUTCOME));
  }

  /** A training to be run, by {@link #finish}. */
  Training training(TrainingListener listener) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw failure("cannot create", e);
    }
    return new Training(spec, dataset, folder, listener);
  }

  /**
   * Trains, from the last checkpoint if there is one, and records the outcome.
   *
   * @return null if the training was stopped before its end
   */
  @Nullable Outcome finish(Training training) {
    long begin = System.nanoTime();
    Trained trained = training.train(training.canResume() ? Start.RESUME : Start.FRESH);
    Publisher.Model model = trained.model();
    if (model == null) {
      return null;
    }
    double seconds =
        trained.epochs().isEmpty()
            ? (System.nanoTime() - begin) / 1e9
            : trained.epochs().stream().mapToDouble(EpochResult::seconds).sum();
    Outcome outcome =
        new Outcome(
            spec.name(),
            spec.training().seed(),
            trained.bestEpoch(),
            seconds,
            trained.facts(),
            trained.epochs());
    try {
      if (model instanceof Publisher.Towers towers) {
        towers.features().write(Files.createDirectories(emptied(features())));
      }
      Path whole = folder.resolve(OUTCOME + ".new");
      JSON.writeValue(whole.toFile(), outcome);
      Files.move(whole, folder.resolve(OUTCOME), StandardCopyOption.ATOMIC_MOVE);
      emptied(folder.resolve("fit"));
      emptied(folder.resolve("refit"));
    } catch (IOException e) {
      throw failure("cannot write", e);
    }
    return outcome;
  }

  /** Of a finished run. */
  public Outcome outcome() {
    try {
      return JSON.readValue(folder.resolve(OUTCOME).toFile(), Outcome.class);
    } catch (IOException e) {
      throw failure("cannot read", e);
    }
  }

  /** The model of a finished run. */
  public TrainedEmbeddings embeddings() {
    return TrainedEmbeddings.of(model(), dataset);
  }

  private Publisher.Model model() {
    if (spec.model() instanceof ModelConfig.Popularity) {
      // Counted again faster than it could be read.
      Publisher.Model model = training(TrainingListener.NONE).train(Start.FRESH).model();
      if (model != null) {
        return model;
      }
    }
    return new Publisher.Towers(Features.open(features()), folder.resolve("towers"));
  }

  private Path features() {
    return folder.resolve("features");
  }

  /** Deletes everything of the run. */
  void delete() {
    try {
      emptied(folder);
    } catch (IOException e) {
      throw failure("cannot delete", e);
    }
  }

  private static Path emptied(Path path) throws IOException {
    if (Files.exists(path)) {
      MoreFiles.deleteRecursively(path, RecursiveDeleteOption.ALLOW_INSECURE);
    }
    return path;
  }

  private UncheckedIOException failure(String what, IOException cause) {
    return new UncheckedIOException("%s %s: %s".formatted(what, folder, cause.getMessage()), cause);
  }
}
