package io.tandem.training;

import io.tandem.config.TrainingConfig;
import io.tandem.config.TrainingConfig.Loss;
import io.tandem.data.Dataset;
import io.tandem.feature.FeatureBatch;
import io.tandem.loss.CandidateLoss;
import io.tandem.loss.Candidates;
import io.tandem.loss.SamplingProbability;
import io.tandem.loss.Targets;
import io.tandem.tower.TowerModel;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** One step: forward through both towers, loss over the candidates, back, and an update. */
final class TrainingStep implements AutoCloseable {
  private static final int SAMPLING_BUCKETS = 1 << 16;
  private static final double SAMPLING_RATE = 0.01;

  private final TrainingConfig config;
  private final CandidateSampler sampler;
  private final CandidateLoss loss;
  private final Temperature temperature;
  private final @Nullable SamplingProbability sampling;
  private final @Nullable CrossBatchQueue queue;
  private final @Nullable HardNegatives hard;
  private @Nullable DeviceStep device;
  private @Nullable INDArray queryGradient;
  private @Nullable INDArray itemGradient;

  TrainingStep(
      TrainingConfig config,
      Dataset dataset,
      CandidateSampler sampler,
      FeatureBatch allItems,
      int dim) {
    this.config = config;
    this.sampler = sampler;
    temperature = new Temperature(config);
    Loss chosen = config.loss();
    boolean contrastive = chosen.function() == Loss.Function.COSINE_CONTRASTIVE;
    boolean full = chosen.function() == Loss.Function.FULL_SOFTMAX;
    loss =
        contrastive
            ? CandidateLoss.cosineContrastive(chosen.margin(), chosen.negativeWeight())
            : CandidateLoss.softmax(chosen.labelSmoothing());
    sampling = contrastive || full ? null : sampling(config, dataset);
    int kept = chosen.negatives().queue();
    queue = full || kept == 0 ? null : new CrossBatchQueue(kept, dim);
    hard =
        full || chosen.negatives().hard() == 0
            ? null
            : new HardNegatives(chosen.negatives(), allItems);
  }

  private static @Nullable SamplingProbability sampling(TrainingConfig config, Dataset dataset) {
    return switch (config.samplingCorrection()) {
      case NONE -> null;
      case EXACT ->
          SamplingProbability.exact(dataset.split().train().itemCounts(dataset.itemKeys().size()));
      case STREAMING -> {
        int items = dataset.itemKeys().size();
        int buckets = Math.max(SAMPLING_BUCKETS, Integer.highestOneBit(items) * 4);
        yield SamplingProbability.streaming(buckets, SAMPLING_RATE);
      }
    };
  }

  Temperature temperature() {
    return temperature;
  }

  /** Trains on a device from here on, or on the CPU where there is none. */
  void on(@Nullable DeviceStep newDevice) {
    device = newDevice;
  }

  /**
   * Trains on a batch; its loss.
   *
   * @param number of the step, from 0 over the whole training
   */
  double run(TowerModel model, Batch batch, double rateFactor, long number) {
    DeviceStep there = device;
    if (there != null) {
      CandidateLoss.Result result =
          there.run(batch, () -> candidates(batch), temperature.value(), rateFactor);
      temperature.step(result.temperatureGradient(), rateFactor);
      return result.loss();
    }
    if (hard != null) {
      hard.refresh(model, number);
    }
    INDArray u = model.forwardQueries(batch.queries);
    if (hard != null) {
      hard.mine(u, batch, number);
    }
    INDArray own = model.forwardItems(batch.candidates);
    INDArray v = queue == null ? own : queue.below(own);
    INDArray gradU = gradient(queryGradient, u);
    INDArray gradV = gradient(itemGradient, v);
    queryGradient = gradU;
    itemGradient = gradV;
    boolean contrastive = config.loss().function() == Loss.Function.COSINE_CONTRASTIVE;
    CandidateLoss.Result result =
        loss.compute(
            u,
            v,
            new Targets(batch.offsets, batch.targets, batch.shares, batch.weights),
            candidates(batch),
            contrastive ? 1 : temperature.value(),
            gradU,
            gradV);
    if (queue != null) {
      queue.add(batch.items, batch.counts, own);
    }
    INDArray byOwn =
        queue == null
            ? gradV
            : gradV.get(NDArrayIndex.interval(0, own.size(0)), NDArrayIndex.all());
    model.step(gradU, byOwn, rateFactor);
    if (v != own) {
      v.close();
    }
    if (!contrastive) {
      temperature.step(result.temperatureGradient(), rateFactor);
    }
    return result.loss();
  }

  private Candidates candidates(Batch batch) {
    int own = batch.items.length;
    int kept = queue == null ? 0 : queue.size();
    int[] items = Arrays.copyOf(batch.items, own + kept);
    float[] counts = Arrays.copyOf(batch.counts, own + kept);
    for (int i = 0; i < kept && queue != null; i++) {
      items[own + i] = queue.item(i);
      counts[own + i] = queue.count(i);
    }
    float[] logQ = null;
    if (sampling != null) {
      sampling.observe(batch.drawn);
      logQ = sampler.logQ(items, batch.drawn.length, sampling.logQ(items));
    }
    return new Candidates(
        items,
        counts,
        logQ,
        config.accidentalHits() == TrainingConfig.AccidentalHits.MASK
            ? Candidates.AccidentalHits.MASKED
            : Candidates.AccidentalHits.KEPT);
  }

  /** Writes what later steps depend on beside the model. */
  void write(DataOutput out) throws IOException {
    if (sampling != null) {
      sampling.write(out);
    }
    if (queue != null) {
      queue.write(out);
    }
  }

  /** Restores what {@link #write} wrote. */
  void read(DataInput in) throws IOException {
    if (sampling != null) {
      sampling.read(in);
    }
    if (queue != null) {
      queue.read(in);
    }
  }

  /** Frees what steps kept on a GPU; steps may go on. */
  @Override
  public void close() {
    if (hard != null) {
      hard.close();
    }
  }

  private static INDArray gradient(@Nullable INDArray reused, INDArray like) {
    if (reused != null && reused.size(0) == like.size(0)) {
      return reused;
    }
    if (reused != null) {
      reused.close();
    }
    return Nd4j.createUninitialized(DataType.FLOAT, like.shape(), 'c');
  }
}
