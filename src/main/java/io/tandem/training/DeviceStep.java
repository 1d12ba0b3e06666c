package io.tandem.training;

import io.tandem.config.TrainingConfig;
import io.tandem.config.TrainingConfig.Loss;
import io.tandem.config.TrainingConfig.Negatives;
import io.tandem.gpu.Collective;
import io.tandem.gpu.CudaDevice;
import io.tandem.gpu.CudaException;
import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.Part;
import io.tandem.gpu.Precision;
import io.tandem.loss.CandidateLoss;
import io.tandem.loss.Candidates;
import io.tandem.loss.DeviceCandidateLoss;
import io.tandem.loss.NonFiniteException;
import io.tandem.loss.Targets;
import io.tandem.tower.DeviceInputs;
import io.tandem.tower.DeviceModel;
import io.tandem.tower.TowerModel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Steps on one device or on several that share each batch's rows: a batch is packed and sent on a
 * thread of its own, forward, loss, back and the update follow on the devices, and only the loss
 * comes back. All rows are scored against the items of the whole batch, wherever they were
 * embedded.
 */
final class DeviceStep implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DeviceStep.class);

  private final TrainingConfig config;
  private final List<Device> devices;
  private final Collective collective;
  private final Ranks ranks;
  private final DeviceModel model;
  private final List<DeviceCandidateLoss> losses = new ArrayList<>();
  private final List<DeviceInputs> inputs = new ArrayList<>();

  /** A batch on the devices. */
  static final class OnDevice {
    private final DeviceInputs inputs;
    private final List<DeviceCandidateLoss.Packed> packed = new ArrayList<>();

    private OnDevice(DeviceInputs inputs) {
      this.inputs = inputs;
    }
  }

  /**
   * @param devices closed with this
   */
  DeviceStep(TrainingConfig config, TowerModel towers, List<? extends Device> devices) {
    this.config = config;
    this.devices = List.copyOf(devices);
    collective = Collective.of(devices);
    ranks = new Ranks(collective);
    model = new DeviceModel(towers, this.devices, collective, config.optimizer());
    for (Device device : devices) {
      losses.add(new DeviceCandidateLoss(device, towers.dim()));
    }
    model
        .cachedRows()
        .forEach((table, rows) -> LOG.info("{}: {} rows at a time are on the device", table, rows));
  }

  /**
   * The devices that a specification asks for, or null for the CPU.
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
    List<CudaDevice> devices = new ArrayList<>();
    try {
      int found = CudaDevice.count();
      int wanted = config.devices() == TrainingConfig.ALL_DEVICES ? found : config.devices();
      if (wanted > found && found > 0) {
        throw new TrainingException(
            "training.devices: expected at most the %d that the driver sees, found %d"
                .formatted(found, wanted),
            null);
      }
      for (int ordinal = 0; ordinal < Math.max(1, wanted); ordinal++) {
        devices.add(CudaDevice.open(ordinal, Precision.valueOf(config.precision().name())));
      }
    } catch (CudaException e) {
      devices.forEach(Device::close);
      if (asked) {
        throw new TrainingException("training.device: cuda: " + e.getMessage(), e);
      }
      LOG.debug("training on the CPU: {}", e.getMessage());
      return null;
    }
    if (unsupported != null) {
      LOG.info("training on the CPU: {} cannot train {} yet", devices.get(0).name(), unsupported);
      devices.forEach(Device::close);
      return null;
    }
    devices.forEach(device -> LOG.info("training on {}", device.name()));
    try {
      return new DeviceStep(config, towers, devices);
    } catch (CudaException e) {
      devices.forEach(Device::close);
      throw new TrainingException("training.devices: " + e.getMessage(), e);
    }
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

  /** Packs a batch and starts sending it, beside the steps of those before. */
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
    there.packed.clear();
    Targets targets = new Targets(batch.offsets, batch.targets, batch.shares, batch.weights);
    Candidates candidates = new Candidates(batch.items, batch.counts, null, accidentalHits());
    for (int rank = 0; rank < devices.size(); rank++) {
      there.packed.add(
          DeviceCandidateLoss.Packed.pack(
              there.inputs.upload(rank), targets, candidates, new Part(rank, devices.size())));
    }
    there.inputs.send();
    model.loadAhead(there.inputs);
  }

  private Candidates.AccidentalHits accidentalHits() {
    return config.accidentalHits() == TrainingConfig.AccidentalHits.MASK
        ? Candidates.AccidentalHits.MASKED
        : Candidates.AccidentalHits.KEPT;
  }

  /** A rank's queries, and all items. */
  private record Embedded(Floats queries, Floats items) {}

  /**
   * Trains on a batch that was prepared.
   *
   * @param candidates those of the batch with their correction, asked for once, while the devices
   *     embed
   * @throws NonFiniteException if the loss is not finite; no parameter has moved then
   */
  CandidateLoss.Result run(
      Batch batch, Supplier<Candidates> candidates, double temperature, double rateFactor) {
    OnDevice there = batch.onDevice;
    if (there == null || there.packed.isEmpty()) {
      throw new IllegalStateException("the batch was not prepared");
    }
    model.begin(there.inputs);
    List<Embedded> embedded =
        ranks.each(
            rank -> {
              model.await(rank, there.inputs);
              return new Embedded(
                  model.forwardQueries(rank, there.inputs), model.forwardItems(rank, there.inputs));
            });
    Candidates scored = candidates.get();
    List<CandidateLoss.Result> parts =
        ranks.each(
            rank -> {
              DeviceCandidateLoss loss = losses.get(rank);
              Embedded own = embedded.get(rank);
              loss.run(own.queries(), own.items(), there.packed.get(rank), scored, temperature);
              model.backward(rank, there.inputs, loss.byU(), loss.byV());
              // Comes while the device still walks back, so that it never waits to be asked.
              return loss.result();
            });
    ranks.each(
        rank -> {
          model.update(rank, there.inputs, rateFactor);
          // What the next batch but one overwrites must have been used.
          devices.get(rank).synchronize();
          return rank;
        });
    model.finish(there.inputs);
    return new CandidateLoss.Result(
        parts.stream().mapToDouble(CandidateLoss.Result::loss).sum(),
        parts.stream().mapToDouble(CandidateLoss.Result::temperatureGradient).sum());
  }

  @Override
  public void close() {
    ranks.close();
    collective.close();
    model.close();
    losses.forEach(DeviceCandidateLoss::close);
    synchronized (inputs) {
      inputs.forEach(DeviceInputs::close);
    }
    devices.forEach(Device::close);
  }
}
