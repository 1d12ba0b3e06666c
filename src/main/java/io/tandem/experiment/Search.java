package io.tandem.experiment;

import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecException;
import io.tandem.config.TuneSpec;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.evaluation.HeldOut;
import io.tandem.evaluation.Metrics;
import io.tandem.evaluation.Ranking;
import io.tandem.loss.NonFiniteException;
import io.tandem.training.EpochResult;
import io.tandem.training.Trained;
import io.tandem.training.Trainer.Start;
import io.tandem.training.Training;
import io.tandem.training.TrainingException;
import io.tandem.training.TrainingListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Looks for the settings with the best metric on the validation set. It has no test set: the data
 * set's is dropped before anything else. Trials that are over are in {@code trials.jsonl} of the
 * folder, so that the same search goes on where it was stopped.
 */
public final class Search {
  private final TuneSpec ranges;
  private final Settable specs;
  private final Strategy strategy;
  private final Dataset dataset;
  private final String fingerprint;
  private final Path folder;
  private volatile boolean stopping;
  private volatile @Nullable Training running;

  /**
   * @param specs what is tuned
   * @param dataset with a validation set
   * @param folder for records and checkpoints
   */
  public Search(TuneSpec ranges, Settable specs, Strategy strategy, Dataset dataset, Path folder) {
    this.ranges = ranges;
    this.specs = settings -> specs.with(measured(settings, strategy));
    this.strategy = strategy;
    this.dataset = dataset.withoutTest();
    this.folder = folder;
    fingerprint = DataFingerprint.of(this.dataset);
    check();
  }

  /** A specification that settings can be put in. */
  public interface Settable {
    /**
     * The specification with some settings in place of its own.
     *
     * @param settings values by dotted key
     * @throws SpecException if they do not make one
     */
    ModelSpec with(Map<String, String> settings);
  }

  /** Hears of trials, and gives who shall hear of a training's progress. */
  public interface Announcer {
    /**
     * A trial begins, or continues.
     *
     * @param number from 1
     */
    TrainingListener begins(int number, Map<String, String> settings, int epochs);

    /** A trial is over; of a training that was recorded before, it did not begin. */
    void ended(Trial trial);
  }

  /**
   * Runs trials.
   *
   * @param count of different settings; fewer where the ranges hold no more
   * @param seed that they are drawn by
   * @return the last training of each, best first; null after {@link #stop}
   */
  public @Nullable List<Trial> run(int count, long seed, Announcer announcer) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot create " + folder + ": " + e.getMessage(), e);
    }
    TrialLog log = new TrialLog(folder.resolve("trials.jsonl"));
    List<Map<String, String>> drawn = Draws.settings(ranges, count, seed);
    Map<Integer, Trial> last = new LinkedHashMap<>();
    List<Integer> taking = new ArrayList<>();
    for (int number = 1; number <= drawn.size(); number++) {
      taking.add(number);
    }
    for (Strategy.Rung rung : strategy.rungs(drawn.size(), epochs())) {
      taking = taking.subList(0, Math.min(rung.trials(), taking.size()));
      for (int number : taking) {
        Trial trial = trial(number, drawn.get(number - 1), rung.epochs(), log, announcer);
        if (trial == null) {
          return null;
        }
        last.put(number, trial);
      }
      taking =
          taking.stream()
              .filter(number -> trial(last, number).status() == Trial.Status.DONE)
              .sorted(Comparator.comparing(number -> -trial(last, number).rank()))
              .toList();
    }
    drawn.forEach(this::deleteCheckpoints);
    return last.values().stream()
        .sorted(
            Comparator.comparing((Trial trial) -> trial.status())
                .thenComparing(trial -> -trial.epochs())
                .thenComparing(trial -> -trial.rank()))
        .toList();
  }

  /** Asks the search to end soon, with all that is done recorded. */
  public void stop() {
    stopping = true;
    Training training = running;
    if (training != null) {
      training.stop();
    }
  }

  private static Trial trial(Map<Integer, Trial> trials, int number) {
    Trial trial = trials.get(number);
    if (trial == null) {
      throw new IllegalStateException("trial " + number + " has not been run");
    }
    return trial;
  }

  /** The same for all trials, whatever the specification says. */
  private static Map<String, String> measured(Map<String, String> settings, Strategy strategy) {
    Map<String, String> all = new LinkedHashMap<>(settings);
    all.put("training.refit", "false");
    if (strategy == Strategy.HALVING) {
      all.put("training.validate_every", "1");
    }
    return all;
  }

  private void check() {
    if (dataset.split().validation().size() == 0) {
      throw new DataException("expected a validation set to search on, found none: see data.split");
    }
    if (ranges.parameters().isEmpty()) {
      throw new IllegalArgumentException(
          "expected ranges to search in, found no tune section; for example"
              + " tune: {model.dim: [32, 64], training.temperature: {from: 0.02, to: 0.5, scale: log}}");
    }
    for (TuneSpec.Parameter parameter : ranges.parameters()) {
      boolean length = parameter.key().matches("training\\.epochs|model\\.sweeps");
      if (length && strategy == Strategy.HALVING) {
        throw new IllegalArgumentException(
            "tune.%s: expected another key, since halving chooses the number of epochs or sweeps"
                .formatted(parameter.key()));
      }
      Draws.extremes(parameter.values())
          .forEach(value -> specs.with(Map.of(parameter.key(), value)));
    }
    if (strategy == Strategy.HALVING && epochs() == 0) {
      throw new IllegalArgumentException(
          "expected a model of epochs or sweeps for halving, found popularity");
    }
  }

  /** Of a whole training. */
  private int epochs() {
    return epochs(specs.with(Map.of()));
  }

  private static int epochs(ModelSpec spec) {
    if (spec.model() instanceof ModelConfig.Popularity) {
      return 0;
    }
    return spec.model() instanceof ModelConfig.MatrixFactorization factors && isAls(spec)
        ? factors.sweeps()
        : spec.training().epochs();
  }

  private static boolean isAls(ModelSpec spec) {
    return spec.model().towers() == null;
  }

  /**
   * @return null if it was stopped
   */
  private @Nullable Trial trial(
      int number, Map<String, String> settings, int rung, TrialLog log, Announcer announcer) {
    Outcome outcome;
    int epochs = rung;
    // Of settings that make no specification.
    String name = settings.toString();
    try {
      ModelSpec spec = specs.with(settings);
      epochs = strategy == Strategy.HALVING ? rung : epochs(spec);
      TrainingRun run = new TrainingRun(spec, dataset, fingerprint, folder);
      name = run.name();
      Optional<Trial> done = log.find(name, epochs);
      if (done.isPresent()) {
        Trial trial = numbered(number, done.get());
        announcer.ended(trial);
        return trial;
      }
      TrainingListener listener = announcer.begins(number, settings, epochs);
      outcome = train(spec, run, epochs, listener);
      if (outcome == null) {
        return null;
      }
      if (strategy == Strategy.RANDOM) {
        run.delete();
      }
    } catch (SpecException | IllegalStateException | TrainingException e) {
      if (e instanceof TrainingException && !(e.getCause() instanceof NonFiniteException)) {
        throw e;
      }
      Optional<Trial> refused = log.find(name, epochs);
      if (refused.isPresent()) {
        announcer.ended(numbered(number, refused.get()));
        return numbered(number, refused.get());
      }
      outcome = new Outcome(null, null, 0, 0, String.valueOf(e.getMessage()));
    }
    Trial trial =
        new Trial(
            number,
            name,
            settings,
            epochs,
            outcome.error() == null ? Trial.Status.DONE : Trial.Status.FAILED,
            outcome.metric(),
            outcome.validation(),
            outcome.bestEpoch(),
            outcome.seconds(),
            outcome.error());
    log.append(trial);
    announcer.ended(trial);
    return trial;
  }

  private record Outcome(
      @Nullable Double metric,
      @Nullable Metrics validation,
      int bestEpoch,
      double seconds,
      @Nullable String error) {}

  private @Nullable Outcome train(
      ModelSpec spec, TrainingRun run, int epochs, TrainingListener listener) {
    EpochLimit limit = new EpochLimit(listener, epochs);
    Training training = run.training(limit);
    limit.of(training);
    running = training;
    if (stopping) {
      return null;
    }
    long begin = System.nanoTime();
    Trained trained = training.train(training.canResume() ? Start.RESUME : Start.FRESH);
    double seconds = (System.nanoTime() - begin) / 1e9;
    running = null;
    if (stopping) {
      return null;
    }
    if (trained.epochs().isEmpty()) {
      return withoutEpochs(spec, trained, seconds);
    }
    return best(spec, trained, epochs);
  }

  private Outcome withoutEpochs(ModelSpec spec, Trained trained, double seconds) {
    HeldOut heldOut =
        HeldOut.validation(dataset, HeldOut.Seen.EXCLUDED)
            .sample(spec.training().maxValidationQueries(), spec.training().seed());
    int k = spec.training().metric().k();
    if (trained.model() == null) {
      throw new IllegalStateException("a training without epochs has no model");
    }
    TrainedEmbeddings embeddings = TrainedEmbeddings.of(trained.model(), dataset);
    int[][] lists = Ranking.top(embeddings.ranker(heldOut), heldOut.question(), k);
    Metrics metrics = Metrics.of(lists, heldOut.question().relevant(), k);
    EpochResult measured = new EpochResult(0, 0, metrics, seconds, 0);
    return new Outcome(measured.value(spec.training().metric()), metrics, 0, seconds, null);
  }

  /** Of towers the best epoch, of ALS the last sweep: the one whose model a training gives. */
  private static Outcome best(ModelSpec spec, Trained trained, int epochs) {
    EpochResult best = null;
    double metric = 0;
    double seconds = 0;
    for (EpochResult each : trained.epochs()) {
      if (each.epoch() > epochs) {
        break;
      }
      seconds += each.seconds();
      if (each.validation() != null) {
        double value = each.value(spec.training().metric());
        if (best == null || value > metric || isAls(spec)) {
          best = each;
          metric = value;
        }
      }
    }
    if (best == null) {
      throw new IllegalStateException("no epoch was validated");
    }
    return new Outcome(metric, best.validation(), best.epoch(), seconds, null);
  }

  private static Trial numbered(int number, Trial trial) {
    return new Trial(
        number,
        trial.run(),
        trial.settings(),
        trial.epochs(),
        trial.status(),
        trial.metric(),
        trial.validation(),
        trial.bestEpoch(),
        trial.seconds(),
        trial.error());
  }

  private void deleteCheckpoints(Map<String, String> settings) {
    try {
      new TrainingRun(specs.with(settings), dataset, fingerprint, folder).delete();
    } catch (SpecException failed) {
      // It has none.
    }
  }
}
