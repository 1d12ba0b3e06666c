package io.tandem.training;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import io.tandem.artifact.Publisher;
import io.tandem.baseline.Popularity;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.evaluation.Metrics;
import io.tandem.feature.Features;
import io.tandem.training.Trainer.Start;
import io.tandem.training.TrainingResult.End;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The training of any model that a specification may ask for, refitted where it says so. One
 * training each; only {@link #stop} may be called from other threads.
 */
public final class Training {
  private final ModelSpec spec;
  private final Dataset dataset;
  private final Path folder;
  private final TrainingListener listener;
  private Publisher.@Nullable Towers earlier;
  private long warmRows;
  private volatile boolean stopping;
  private volatile @Nullable Trainer running;

  /**
   * @param folder for checkpoints, and for what the trained model consists of
   */
  public Training(ModelSpec spec, Dataset dataset, Path folder, TrainingListener listener) {
    this.spec = spec;
    this.dataset = dataset;
    this.folder = folder;
    this.listener = listener;
  }

  /**
   * Begins with what exported towers learned instead of at random: embedding rows by the values
   * that they stand for, layers by their shape. Of no account for models that are not trained by
   * gradient steps, and where a checkpoint is continued.
   */
  public Training warmStart(Publisher.Towers towers) {
    earlier = towers;
    return this;
  }

  /** Embedding rows that began with what they had learned before. */
  public long warmRows() {
    return warmRows;
  }

  /**
   * Trains.
   *
   * @throws TrainingException if a number becomes infinite or a checkpoint does not fit or cannot
   *     be written; the last good checkpoint stays
   */
  public Trained train(Start start) {
    if (spec.model() instanceof ModelConfig.Popularity popularity) {
      return popularity(popularity);
    }
    if (spec.model() instanceof ModelConfig.MatrixFactorization factors
        && factors.solver() == ModelConfig.MatrixFactorization.Solver.ALS) {
      return new AlsTraining(spec, factors, dataset, folder, listener, () -> stopping).train(start);
    }
    return towers(start);
  }

  /** Whether an earlier training in the folder left a checkpoint to continue from. */
  public boolean canResume() {
    Path fit = folder.resolve("fit");
    return Files.exists(fit.resolve(Checkpoints.LAST)) || Files.exists(AlsCheckpoint.file(fit));
  }

  /** Asks the training to end soon, with a checkpoint to continue from. */
  public void stop() {
    stopping = true;
    Trainer trainer = running;
    if (trainer != null) {
      trainer.stop();
    }
  }

  private Trained popularity(ModelConfig.Popularity popularity) {
    Interactions train = fitted().split().train();
    int items = dataset.itemKeys().size();
    float[] scores;
    if (popularity.halfLifeDays() == 0) {
      scores = Popularity.scores(train, items);
    } else if (train.hasTimes()) {
      scores = Popularity.recentScores(train, items, popularity.halfLifeDays());
    } else {
      throw new DataException(
          "model.half_life_days: expected interactions with times (data.interactions.time), found"
              + " none");
    }
    return new Trained(new Publisher.Popularity(scores), List.of(), 0, Map.of(), End.ALL_EPOCHS);
  }

  private Dataset fitted() {
    return spec.training().refit() ? dataset.withValidationInTraining() : dataset;
  }

  private Trained towers(Start start) {
    Path refitFolder = folder.resolve("refit");
    if (start == Start.FRESH) {
      delete(refitFolder);
    }
    Features features = Features.fit(spec.features(), spec.data(), dataset);
    TrainingResult chosen =
        run(new Trainer(spec, dataset, features, folder.resolve("fit"), listener), start);
    boolean refit =
        spec.training().refit()
            && chosen.end() != End.INTERRUPTED
            && chosen.bestEpoch() > 0
            && dataset.split().validation().size() > 0;
    if (!refit) {
      return trained(chosen, chosen, features);
    }
    Dataset whole = dataset.withValidationInTraining();
    Features wholeFeatures = Features.fit(spec.features(), spec.data(), whole);
    Trainer trainer = new Trainer(spec, whole, wholeFeatures, refitFolder, listener);
    trainer.endAfter(chosen.bestEpoch());
    Start again = start == Start.RESUME && trainer.canResume() ? Start.RESUME : Start.FRESH;
    return trained(chosen, run(trainer, again), wholeFeatures);
  }

  private TrainingResult run(Trainer trainer, Start start) {
    running = trainer;
    Publisher.Towers from = earlier;
    if (from != null) {
      warmRows = trainer.warmStart(from);
    }
    if (stopping) {
      trainer.stop();
    }
    TrainingResult result = trainer.train(start);
    running = null;
    return result;
  }

  /**
   * @param chosen what validation was seen by
   * @param last whose model it is
   */
  private Trained trained(TrainingResult chosen, TrainingResult last, Features features) {
    Map<String, Double> facts = new LinkedHashMap<>();
    for (EpochResult epoch : chosen.epochs()) {
      Metrics validation = epoch.validation();
      if (epoch.epoch() == chosen.bestEpoch() && validation != null) {
        facts.put("validation.recall@" + validation.k(), validation.recall());
        facts.put("validation.ndcg@" + validation.k(), validation.ndcg());
      }
    }
    facts.put("epoch", (double) chosen.bestEpoch());
    facts.put("temperature", last.temperature());
    Publisher.Model model = null;
    if (last.end() != End.INTERRUPTED) {
      Path towers = emptied(folder.resolve("towers"));
      last.model().export(towers);
      model = new Publisher.Towers(features, towers);
    }
    return new Trained(model, chosen.epochs(), chosen.bestEpoch(), facts, last.end());
  }

  /** A folder that exists and has nothing in it. */
  static Path emptied(Path folder) {
    delete(folder);
    try {
      return Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot create " + folder + ": " + e.getMessage(), e);
    }
  }

  private static void delete(Path folder) {
    try {
      if (Files.exists(folder)) {
        MoreFiles.deleteRecursively(folder, RecursiveDeleteOption.ALLOW_INSECURE);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + folder + ": " + e.getMessage(), e);
    }
  }
}
