package io.tandem.training;

import io.tandem.artifact.Publisher;
import io.tandem.config.ModelConfig;
import io.tandem.config.ModelSpec;
import io.tandem.config.TrainingConfig;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.evaluation.Metrics;
import io.tandem.feature.EventEncoder;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.gpu.Device;
import io.tandem.loss.NonFiniteException;
import io.tandem.tower.TowerModel;
import io.tandem.tower.TowerShape;
import io.tandem.training.TrainingResult.End;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Trains towers by gradient steps: epochs over shuffled examples, validation, early stopping,
 * checkpoints. A training that was stopped continues to the result that it would have had, on as
 * many threads. One training a trainer; only {@link #stop} may be called from other threads.
 */
public final class Trainer {
  private final ModelSpec spec;
  private final TrainingConfig config;
  private final TrainingListener listener;
  private final Checkpoints checkpoints;
  private final String fingerprint;
  private final TowerModel model;
  private final TrainingStep training;
  private final CandidateSampler sampler;
  private final FeatureBatch items;
  private final Dataset dataset;
  private final Features features;

  private final List<EpochResult> epochs = new ArrayList<>();
  private int lastEpoch;
  private int bestEpoch;
  private double bestMetric = Double.NEGATIVE_INFINITY;
  private int epoch = 1;
  private int stepInEpoch;
  private long steps;
  private double lossSum;
  private double seconds;
  private Supplier<@Nullable DeviceStep> openDevice;
  private volatile boolean stopping;

  /** How a training begins. */
  public enum Start {
    /** From fresh parameters; an earlier training's checkpoints are deleted. */
    FRESH,
    /** Where the last checkpoint left off. */
    RESUME
  }

  /**
   * @param folder for checkpoints
   */
  public Trainer(
      ModelSpec spec, Dataset dataset, Features features, Path folder, TrainingListener listener) {
    if (dataset.split().train().size() < 2) {
      throw new DataException(
          "expected at least 2 training interactions after the split, found "
              + dataset.split().train().size());
    }
    this.spec = spec;
    this.dataset = dataset;
    this.features = features;
    this.listener = listener;
    config = spec.training();
    lastEpoch = config.epochs();
    checkpoints = new Checkpoints(folder);
    fingerprint = Fingerprint.of(spec, dataset);
    model = model(spec, features);
    items = features.items().encodeAll(dataset.items());
    sampler =
        new CandidateSampler(config.loss(), dataset.split().train(), dataset.itemKeys().size());
    openDevice = () -> DeviceStep.open(config, model);
    training = new TrainingStep(config, dataset, sampler, items, model.dim());
  }

  /**
   * Trains until all epochs are done, the metric stops rising, or {@link #stop} is called.
   *
   * @throws TrainingException if a number becomes infinite or a checkpoint does not fit or cannot
   *     be written; the last good checkpoint stays
   */
  public TrainingResult train(Start start) {
    if (start == Start.RESUME) {
      resume();
    } else {
      checkpoints.clear();
    }
    EventEncoder events = features.events(dataset);
    try (TrainingStep owned = training;
        DeviceStep device = openDevice.get();
        Batcher batcher =
            new Batcher(
                spec,
                dataset,
                features,
                events,
                items,
                sampler,
                device == null ? batch -> {} : device::prepare)) {
      owned.on(device);
      Validation validation =
          new Validation(config, dataset, features, events, items, affordableQueries(items.rows()));
      long total = (long) batcher.stepsPerEpoch() * config.epochs();
      listener.started(steps, (long) batcher.stepsPerEpoch() * lastEpoch, batcher.rows());
      End end = run(batcher, validation, total);
      listener.finished(end);
      if (end != End.INTERRUPTED && checkpoints.has(Checkpoints.BEST)) {
        checkpoints.readModel(Checkpoints.BEST, model);
      }
      return new TrainingResult(model, epochs, bestEpoch, training.temperature().value(), end);
    }
  }

  /**
   * Begins with what exported towers learned; of no account where a checkpoint is continued.
   *
   * @return embedding rows that were taken over
   */
  long warmStart(Publisher.Towers earlier) {
    return model.warmStart(features, earlier.features(), earlier.towers());
  }

  /** Trains on devices in place of those that the specification asks for. */
  void on(List<? extends Device> devices) {
    openDevice = () -> new DeviceStep(config, model, devices);
  }

  /** Ends after an epoch although the schedule goes on to {@code training.epochs}. */
  void endAfter(int epochs) {
    lastEpoch = Math.min(config.epochs(), epochs);
  }

  /** Whether there is a checkpoint to continue from. */
  boolean canResume() {
    return checkpoints.has(Checkpoints.LAST);
  }

  /** Asks the training to end after its current step, with a checkpoint to continue from. */
  public void stop() {
    stopping = true;
  }

  private End run(Batcher batcher, Validation validation, long total) {
    while (epoch <= lastEpoch) {
      if (enough()) {
        return End.EARLY_STOPPING;
      }
      while (stepInEpoch < batcher.stepsPerEpoch()) {
        if (stopping) {
          checkpoint(Checkpoints.LAST);
          return End.INTERRUPTED;
        }
        long begin = System.nanoTime();
        double stepLoss = step(batcher.get(epoch, stepInEpoch), rateFactor(total));
        seconds += (System.nanoTime() - begin) / 1e9;
        lossSum += stepLoss;
        stepInEpoch++;
        steps++;
        listener.stepped(steps, stepLoss);
      }
      endEpoch(batcher, validation);
    }
    return End.ALL_EPOCHS;
  }

  private double step(Batch batch, double rateFactor) {
    try {
      return training.run(model, batch, rateFactor, steps);
    } catch (NonFiniteException e) {
      String parameter = model.firstNonFinite();
      throw new TrainingException(
          "step %d of epoch %d: %s%s; try lower learning rates (training.optimizer)"
              .formatted(
                  stepInEpoch + 1,
                  epoch,
                  e.getMessage(),
                  parameter == null
                      ? "; all parameters are finite, their products are not"
                      : "; the first number that is not finite is in " + parameter),
          e);
    }
  }

  private void endEpoch(Batcher batcher, Validation validation) {
    boolean last = epoch == lastEpoch;
    int every = config.validateEvery();
    boolean due = !validation.isEmpty() && (last || (every > 0 && epoch % every == 0));
    long begin = System.nanoTime();
    Metrics metrics = due ? validation.run(model) : null;
    double validationSeconds = due ? (System.nanoTime() - begin) / 1e9 : 0;
    EpochResult result =
        new EpochResult(
            epoch, lossSum / batcher.stepsPerEpoch(), metrics, seconds, validationSeconds);
    epochs.add(result);
    epoch++;
    stepInEpoch = 0;
    lossSum = 0;
    seconds = 0;
    if (metrics != null && validation.value(metrics) > bestMetric) {
      bestMetric = validation.value(metrics);
      bestEpoch = result.epoch();
      checkpoint(Checkpoints.BEST);
    }
    if (last || result.epoch() % config.checkpointEvery() == 0) {
      checkpoint(Checkpoints.LAST);
    }
    listener.epochEnded(result);
  }

  private boolean enough() {
    return config.patience() > 0
        && bestEpoch > 0
        && epoch - 1 - bestEpoch >= config.patience() * Math.max(1, config.validateEvery());
  }

  private double rateFactor(long total) {
    double done = steps / (double) total;
    double warmup = config.schedule().warmup();
    if (done < warmup) {
      return (steps + 1) / (warmup * total);
    }
    double rest = (done - warmup) / (1 - warmup);
    return switch (config.schedule().shape()) {
      case CONSTANT -> 1;
      case LINEAR -> 1 - rest;
      case COSINE -> (1 + Math.cos(Math.PI * rest)) / 2;
    };
  }

  private void checkpoint(String pointer) {
    checkpoints.write(
        pointer,
        new Checkpoints.State(
            fingerprint,
            epoch,
            stepInEpoch,
            steps,
            lossSum,
            seconds,
            bestEpoch,
            bestMetric,
            training.temperature().state(),
            List.copyOf(epochs)),
        model,
        training);
  }

  private void resume() {
    if (!checkpoints.has(Checkpoints.LAST)) {
      throw new TrainingException("there is no checkpoint to resume from; train without it", null);
    }
    Checkpoints.State state = checkpoints.readState(Checkpoints.LAST);
    if (!state.fingerprint().equals(fingerprint)) {
      throw new TrainingException(
          "the checkpoint belongs to another specification or other data; only epochs, patience and"
              + " checkpoint_every may differ",
          null);
    }
    checkpoints.readModel(Checkpoints.LAST, model);
    checkpoints.readStep(Checkpoints.LAST, training);
    epoch = state.epoch();
    stepInEpoch = state.stepInEpoch();
    steps = state.steps();
    lossSum = state.lossSum();
    seconds = state.seconds();
    bestEpoch = state.bestEpoch();
    bestMetric = state.bestMetric();
    training.temperature().restore(state.temperature());
    epochs.addAll(state.epochs());
  }

  /**
   * Validation queries that cost about a tenth of an epoch at most, counted in multiplications and
   * not in seconds, so that the same ones are asked on every machine.
   */
  private int affordableQueries(int items) {
    ModelConfig.TwoTower towers = towers(spec);
    double query = weights(features.querySchema().width(), towers.queryHidden(), towers.dim());
    double item = weights(features.itemSchema().width(), towers.itemHidden(), towers.dim());
    double examples = dataset.split().train().size();
    double inLoss = 3.0 * Math.min(config.batch(), examples) * towers.dim();
    double epochCost =
        examples * (3 * (query + item) + inLoss) * Math.max(1, config.validateEvery());
    double perQuery = query + (double) items * towers.dim();
    return (int) Math.max(0, Math.min(1e9, (epochCost / 10 - items * item) / perQuery));
  }

  private static double weights(int input, List<Integer> hidden, int dim) {
    double weights = 0;
    int in = input;
    for (int out : hidden) {
      weights += (double) in * out;
      in = out;
    }
    return weights + (double) in * dim;
  }

  private static TowerModel model(ModelSpec spec, Features features) {
    ModelConfig.TwoTower towers = towers(spec);
    TowerShape query =
        new TowerShape(
            features.querySchema(),
            towers.queryCombine(),
            towers.queryHidden(),
            towers.dim(),
            towers.activation(),
            towers.dropout(),
            towers.l2(),
            towers.normalize());
    TowerShape item =
        new TowerShape(
            features.itemSchema(),
            towers.itemCombine(),
            towers.itemHidden(),
            towers.dim(),
            towers.activation(),
            towers.dropout(),
            towers.l2(),
            towers.normalize());
    return TowerModel.create(query, item, spec.training().optimizer(), spec.training().seed());
  }

  private static ModelConfig.TwoTower towers(ModelSpec spec) {
    ModelConfig.TwoTower towers = spec.model().towers();
    if (towers == null) {
      throw new IllegalArgumentException(
          "expected a model that is trained by gradient steps, found " + spec.model());
    }
    return towers;
  }
}
