package io.tandem.experiment;

import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecDifference;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.evaluation.Evaluation;
import io.tandem.evaluation.Evaluator;
import io.tandem.evaluation.HeldOut;
import io.tandem.evaluation.HeldOut.Seen;
import io.tandem.training.Training;
import io.tandem.training.TrainingListener;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Models side by side: all trained on one split, each with several seeds, all measured on the same
 * test set. May be stopped from another thread; made again with the same folder, it goes on.
 */
public final class Comparison {
  private final Dataset dataset;
  private final List<Entrant> entrants = new ArrayList<>();
  private volatile boolean stopping;
  private volatile @Nullable Training running;

  /**
   * One model.
   *
   * @param runs one for each seed; popularity, which has no chance in it, has one
   */
  public record Entrant(String name, List<TrainingRun> runs) {
    /** What the model is, whatever the seed. */
    public ModelSpec spec() {
      return runs.get(0).spec();
    }
  }

  /**
   * What was measured of a model.
   *
   * @param evaluations one for each of the model's runs
   */
  public record Measured(Entrant entrant, Seen seen, List<Evaluation> evaluations) {}

  /**
   * @param models each with all its seeds; names differ, data do not ({@link #check})
   * @param folder where each training has its own
   */
  public Comparison(List<List<ModelSpec>> models, Dataset dataset, Path folder) {
    this.dataset = dataset;
    String fingerprint = DataFingerprint.of(dataset);
    for (List<ModelSpec> seeds : models) {
      List<TrainingRun> runs = new ArrayList<>();
      for (ModelSpec spec : seeds) {
        runs.add(new TrainingRun(spec, dataset, fingerprint, folder));
      }
      entrants.add(new Entrant(seeds.get(0).name(), List.copyOf(runs)));
    }
  }

  /**
   * Refuses models that cannot be compared.
   *
   * @throws IllegalArgumentException if two have one name, or if their data or splits differ
   */
  public static void check(List<ModelSpec> specs) {
    ModelSpec first = specs.get(0);
    Set<String> names = new HashSet<>();
    for (ModelSpec spec : specs) {
      if (!names.add(spec.name())) {
        throw new IllegalArgumentException(
            "expected models of different names, found '%s' twice; set name in one of the specifications"
                .formatted(spec.name()));
      }
      Optional<SpecDifference> difference = SpecDifference.ofData(first, spec);
      if (difference.isPresent()) {
        throw new IllegalArgumentException(
            "expected models of the same data, found %s: %s in %s, %s in %s"
                .formatted(
                    difference.get().key(),
                    difference.get().first(),
                    first.name(),
                    difference.get().second(),
                    spec.name()));
      }
    }
  }

  /** Popularity on the data of a model. */
  public static ModelSpec popularity(ModelSpec like) {
    return new ModelSpec(
        "popularity",
        like.data(),
        like.features(),
        new ModelConfig.Popularity(0),
        like.training(),
        like.index(),
        like.rebuild());
  }

  /** The models, in the order given. */
  public List<Entrant> entrants() {
    return List.copyOf(entrants);
  }

  /** Hears which training comes next, and gives who shall hear of its progress. */
  public interface Announcer {
    /**
     * A training begins, or continues.
     *
     * @param number from 1
     * @param of all trainings, those done before included
     */
    TrainingListener begins(TrainingRun run, int number, int of);

    /** A training is skipped: it was finished before. */
    default void skipped(TrainingRun run, int number, int of) {}
  }

  /**
   * Trains what is not trained yet.
   *
   * @return whether all are trained now: false after {@link #stop}
   */
  public boolean train(Announcer announcer) {
    List<TrainingRun> runs = entrants.stream().flatMap(each -> each.runs().stream()).toList();
    int number = 0;
    for (TrainingRun run : runs) {
      number++;
      if (run.isFinished()) {
        announcer.skipped(run, number, runs.size());
        continue;
      }
      Training training = run.training(announcer.begins(run, number, runs.size()));
      running = training;
      if (stopping) {
        return false;
      }
      if (run.finish(training) == null) {
        return false;
      }
      running = null;
    }
    return true;
  }

  /** Asks the training to end soon, with a checkpoint to continue from. */
  public void stop() {
    stopping = true;
    Training training = running;
    if (training != null) {
      training.stop();
    }
  }

  /**
   * Measures trained models on the test set.
   *
   * @param evaluators one for each way with seen items; those without queries left out
   */
  public List<Measured> evaluate(Map<Seen, Evaluator> evaluators) {
    Map<Seen, List<Measured>> bySeen = new LinkedHashMap<>();
    for (Entrant entrant : entrants) {
      Map<Seen, List<Evaluation>> evaluations = new LinkedHashMap<>();
      for (TrainingRun run : entrant.runs()) {
        TrainedEmbeddings embeddings = run.embeddings();
        evaluators.forEach(
            (seen, evaluator) ->
                evaluations
                    .computeIfAbsent(seen, none -> new ArrayList<>())
                    .add(evaluator.evaluate(embeddings.ranker(evaluator.heldOut()))));
      }
      evaluations.forEach(
          (seen, each) ->
              bySeen
                  .computeIfAbsent(seen, none -> new ArrayList<>())
                  .add(new Measured(entrant, seen, List.copyOf(each))));
    }
    return bySeen.values().stream().flatMap(List::stream).toList();
  }

  /**
   * What models are measured with, with seen items excluded and ranked.
   *
   * @throws DataException if the test set is empty
   */
  public Map<Seen, Evaluator> evaluators(List<Integer> cutoffs) {
    Map<Seen, Evaluator> evaluators = new LinkedHashMap<>();
    long seed = entrants.get(0).spec().training().seed();
    for (Seen seen : Seen.values()) {
      HeldOut test = HeldOut.test(dataset, seen);
      if (test.queries().length > 0) {
        evaluators.put(seen, new Evaluator(dataset, test, cutoffs, seed));
      }
    }
    if (evaluators.isEmpty()) {
      throw new DataException("the test set is empty: see data.split");
    }
    return evaluators;
  }
}
