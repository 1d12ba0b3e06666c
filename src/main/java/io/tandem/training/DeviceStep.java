package io.tandem.training;

import io.tandem.config.TrainingConfig;
import io.tandem.config.TrainingConfig.Loss;
import io.tandem.config.TrainingConfig.Negatives;
import io.tandem.gpu.CudaDevice;
import io.tandem.gpu.CudaException;
import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.Precision;
import io.tandem.loss.CandidateLoss;
import io.tandem.loss.Candidates;
import io.tandem.loss.DeviceCandidateLoss;
import io.tandem.loss.Targets;
import io.tandem.tower.DeviceInputs;
import io.tandem.tower.DeviceModel;
import io.tandem.tower.TowerModel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Steps on a device: a batch is packed and sent on the batches' thread, forward, loss, back and the
 * update follow on the device, and only the loss comes back.
 */
final class DeviceStep implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DeviceStep.class);

  private final TrainingConfig config;
  private final Device device;
  private final DeviceModel model;
  private final DeviceCandidateLoss loss;
  private final List<DeviceInputs> inputs = new ArrayList<>();

  /** A batch on the device. */
  static final class OnDevice {
    private final DeviceInputs inputs;
    private DeviceCandidateLoss.@Nullable Packed packed;

    private OnDevice(DeviceInputs inputs) {
      this.inputs = inputs;
    }
  }

  /**
   * @param device closed with this
   */
  DeviceStep(TrainingConfig config, TowerModel towers, Device device) {
    this.config = config;
    this.device = device;
    model = new DeviceModel(towers, device, config.optimizer());
    loss = new DeviceCandidateLoss(device, towers.dim());
  }

  /**
   * The device that a specification asks for, or null for the CPU.
   *
   * @throws TrainingException if it asks for a GPU that cannot be had, or that cannot train what it
   *     describes
   */
  static @Nullable DeviceStep open(TrainingConfig config, TowerModel towers) {
    if (config.device() == TrainingConfig.Device.CPU) {
      return null;
    }
    boolean asked = config.device() == TrainingConfig.Device.CUDA;
    String unsupported = unsupported(config, towers);
    if (unsupported != null && asked) {
      throw new TrainingException(
          "training.device: cuda does not train %s yet; leave it to cpu".formatted(unsupported),
          null);
    }
    CudaDevice device;
    try {
      device = CudaDevice.open(0, Precision.valueOf(config.precision().name()));
    } catch (CudaException e) {
      if (asked) {
        throw new TrainingException("training.device: cuda: " + e.getMessage(), e);
      }
      LOG.debug("training on the CPU: {}", e.getMessage());
      return null;
    }
    if (unsupported != null) {
      LOG.info("training on the CPU: {} cannot train {} yet", device.name(), unsupported);
      device.close();
      return null;
    }
    LOG.info("training on {}", device.name());
    return new DeviceStep(config, towers, device);
  }

  /** What of a training only the CPU does, or null. */
  static @Nullable String unsupported(TrainingConfig config, TowerModel towers) {
    Negatives negatives = config.loss().negatives();
    if (config.loss().function() == Loss.Function.COSINE_CONTRASTIVE) {
      return "training.loss: cosine_contrastive";
    }
    if (config.loss().labelSmoothing() > 0) {
      return "training.label_smoothing";
    }
    if (config.loss().function() != Loss.Function.FULL_SOFTMAX && negatives.queue() > 0) {
      return "training.negatives.queue";
    }
    if (config.loss().function() != Loss.Function.FULL_SOFTMAX && negatives.hard() > 0) {
      return "training.negatives.hard";
    }
    return DeviceModel.unsupported(towers.shapes());
  }

  /** Packs a batch and starts sending it; on the batches' thread. */
  void prepare(Batch batch) {
    OnDevice there = batch.onDevice;
    if (there == null) {
      there = new OnDevice(model.inputs());
      batch.onDevice = there;
      synchronized (inputs) {
        inputs.add(there.inputs);
      }
    }
    there.inputs.pack(batch.queries, batch.candidates);
    there.packed =
        DeviceCandidateLoss.Packed.pack(
            there.inputs.upload(),
            new Targets(batch.offsets, batch.targets, batch.shares, batch.weights),
            new Candidates(batch.items, batch.counts, null, accidentalHits()));
    there.inputs.send();
  }

  private Candidates.AccidentalHits accidentalHits() {
    return config.accidentalHits() == TrainingConfig.AccidentalHits.MASK
        ? Candidates.AccidentalHits.MASKED
        : Candidates.AccidentalHits.KEPT;
  }

  /** Trains on a batch that was prepared. */
  CandidateLoss.Result run(
      Batch batch, Candidates candidates, double temperature, double rateFactor) {
    OnDevice there = batch.onDevice;
    DeviceCandidateLoss.Packed packed = there == null ? null : there.packed;
    if (there == null || packed == null) {
      throw new IllegalStateException("the batch was not prepared");
    }
    there.inputs.upload().await();
    Floats u = model.forwardQueries(there.inputs);
    Floats v = model.forwardItems(there.inputs);
    CandidateLoss.Result result = loss.compute(u, v, packed, candidates, temperature);
    model.step(there.inputs, loss.byU(), loss.byV(), rateFactor);
    // What the next batch but one overwrites must have been used.
    device.synchronize();
    return result;
  }

  @Override
  public void close() {
    model.close();
    loss.close();
    synchronized (inputs) {
      inputs.forEach(DeviceInputs::close);
    }
    device.close();
  }
}
