package io.tandem.tower;

import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.TableShape;
import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.RowUpdate;
import io.tandem.gpu.Softmax;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Both towers and their tables on a device. Parameters come from a {@link TowerModel} and are
 * brought back into it whenever it is asked for them: checkpoints, validation and exports do not
 * differ by where a model was trained. One thread at a time, but for {@link DeviceInputs}.
 */
public final class DeviceModel implements TowerModel.Mirror, AutoCloseable {
  private final TowerModel model;
  private final Device device;
  private final Optimizer optimizer;
  private final List<TowerShape> shapes;
  private final List<DeviceTower> towers = new ArrayList<>();
  private final Map<TableShape, Table> tables = new LinkedHashMap<>();
  private Floats inputGradients;
  private long steps;
  private boolean newer;

  /** A table and its optimizer's state. */
  private record Table(Floats rows, Floats first, @Nullable Floats second) {}

  /** Copies a model to a device and makes it the one that is trained. */
  public DeviceModel(TowerModel model, Device device, Optimizer optimizer) {
    this.model = model;
    this.device = device;
    this.optimizer = optimizer;
    shapes = model.shapes();
    String reason = unsupported(shapes);
    if (reason != null) {
      throw new IllegalArgumentException(reason);
    }
    for (TowerShape shape : shapes) {
      towers.add(new DeviceTower(device, shape, optimizer));
    }
    for (TableShape shape : model.tables().keySet()) {
      long size = (long) shape.rows() * shape.dim();
      boolean adam = optimizer.sparse() == Optimizer.Sparse.ADAM;
      tables.put(
          shape,
          new Table(
              device.tableFloats(size),
              device.tableFloats(adam ? size : shape.rows()),
              adam ? device.tableFloats(size) : null));
    }
    inputGradients = device.floats(0);
    push();
    model.mirroredBy(this);
  }

  /** What of towers a device cannot train, or null. */
  public static @Nullable String unsupported(List<TowerShape> towers) {
    for (TowerShape tower : towers) {
      for (InputSchema.Slot slot : tower.input().slots()) {
        if (slot.pooling().isNetwork()) {
          return "the sequence network of feature " + slot.feature();
        }
        if (slot.table().dim() > RowUpdate.MAX_DIM) {
          return "embeddings of %d (feature %s)".formatted(slot.table().dim(), slot.feature());
        }
      }
      if (tower.dropout() > 0) {
        return "model.dropout";
      }
      if (tower.dim() > Softmax.MAX_DIM) {
        return "model.dim of " + tower.dim();
      }
    }
    return null;
  }

  public Device device() {
    return device;
  }

  /** Room for a batch's inputs; whoever asks closes it. */
  public DeviceInputs inputs() {
    return new DeviceInputs(device, shapes);
  }

  /** Output of the query tower, [rows, dim]. */
  public Floats forwardQueries(DeviceInputs inputs) {
    return forward(0, inputs);
  }

  /** Output of the item tower, [rows, dim]. */
  public Floats forwardItems(DeviceInputs inputs) {
    return forward(1, inputs);
  }

  private Floats forward(int tower, DeviceInputs inputs) {
    TowerShape shape = shapes.get(tower);
    int rows = inputs.rows(tower);
    int width = shape.inputWidth();
    Floats input = towers.get(tower).input(rows);
    boolean[] written = new boolean[width];
    tables.forEach(
        (tableShape, table) -> {
          DeviceInputs.Entries entries = inputs.entries(tableShape);
          for (DeviceInputs.Slot slot : entries.slots()) {
            if (slot.tower() == tower) {
              device.gatherPool(
                  table.rows(),
                  tableShape.dim(),
                  slot.offsets(),
                  entries.ids(),
                  entries.weights(),
                  rows,
                  input,
                  width,
                  slot.column(),
                  written[slot.column()]);
              written[slot.column()] = true;
            }
          }
        });
    int dense = shape.input().denseWidth();
    if (dense > 0) {
      device.placeColumns(inputs.dense(tower), dense, rows, input, width, width - dense);
    }
    return towers.get(tower).forward();
  }

  /**
   * One optimizer step from the gradients of a mean loss by both outputs, which are overwritten.
   *
   * @param rateFactor the schedule's factor on both learning rates
   */
  public void step(
      DeviceInputs inputs, Floats queryGradient, Floats itemGradient, double rateFactor) {
    newer = true;
    long[] sizes = new long[2];
    for (int tower = 0; tower < 2; tower++) {
      sizes[tower] = (long) inputs.rows(tower) * shapes.get(tower).inputWidth();
    }
    long size = sizes[0] + sizes[1];
    if (inputGradients.length() < size) {
      device.free(inputGradients);
      inputGradients = device.floats(size + size / 8);
    }
    towers.get(0).backward(queryGradient, inputGradients.slice(0, sizes[0]));
    towers.get(1).backward(itemGradient, inputGradients.slice(sizes[0], sizes[1]));
    steps++;
    for (DeviceTower tower : towers) {
      tower.update(steps, (float) rateFactor);
    }
    float rate = (float) (optimizer.sparseRate() * rateFactor);
    float corrected =
        (float)
            (rate
                * Math.sqrt(1 - Math.pow(0.999, (double) steps))
                / (1 - Math.pow(0.9, (double) steps)));
    tables.forEach(
        (shape, table) -> {
          DeviceInputs.Entries entries = inputs.entries(shape);
          device.updateRows(
              new RowUpdate(
                  table.rows(),
                  table.first(),
                  table.second(),
                  shape.rows(),
                  shape.dim(),
                  entries.size(),
                  entries.ids(),
                  entries.sources(),
                  entries.weights(),
                  inputGradients,
                  table.second() == null ? rate : corrected));
        });
  }

  @Override
  public void pull() {
    if (!newer) {
      return;
    }
    for (int tower = 0; tower < 2; tower++) {
      DeviceTower there = towers.get(tower);
      Floats moments = there.moments();
      model
          .tower(tower)
          .setDense(
              read(there.parameters()),
              moments == null ? new float[0] : read(moments),
              (int) steps);
    }
    tables.forEach(
        (shape, table) -> {
          EmbeddingTable here = model.table(shape);
          read(table.rows(), here.pages());
          here.optimizer().setSteps(steps);
          float[][][] state = here.optimizer().state();
          read(table.first(), state[0]);
          if (table.second() != null) {
            read(table.second(), state[1]);
          }
        });
    newer = false;
  }

  @Override
  public void push() {
    for (int tower = 0; tower < 2; tower++) {
      DeviceTower there = towers.get(tower);
      write(model.tower(tower).denseParameters(), there.parameters());
      Floats moments = there.moments();
      if (moments != null) {
        write(model.tower(tower).denseState(), moments);
      }
    }
    steps = model.tower(0).steps();
    tables.forEach(
        (shape, table) -> {
          EmbeddingTable here = model.table(shape);
          write(here.pages(), table.rows());
          float[][][] state = here.optimizer().state();
          write(state[0], table.first());
          if (table.second() != null) {
            write(state[1], table.second());
          }
        });
    newer = false;
  }

  private float[] read(Floats there) {
    float[] here = new float[Math.toIntExact(there.length())];
    device.read(there, here, 0, here.length);
    return here;
  }

  private void read(Floats there, float[][] pages) {
    long at = 0;
    for (float[] page : pages) {
      device.read(there.slice(at, page.length), page, 0, page.length);
      at += page.length;
    }
  }

  private void write(float[] here, Floats there) {
    device.write(here, 0, here.length, there);
  }

  private void write(float[][] pages, Floats there) {
    long at = 0;
    for (float[] page : pages) {
      device.write(page, 0, page.length, there.slice(at, page.length));
      at += page.length;
    }
  }

  /** Brings the parameters back and frees the device's memory; the device stays open. */
  @Override
  public void close() {
    pull();
    model.mirroredBy(null);
    towers.forEach(DeviceTower::close);
    for (Table table : tables.values()) {
      device.free(table.rows());
      device.free(table.first());
      Floats second = table.second();
      if (second != null) {
        device.free(second);
      }
    }
    device.free(inputGradients);
  }
}
