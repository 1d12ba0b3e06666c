package io.tandem.tower;

import io.tandem.config.ModelConfig.Combine;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.InputSchema.TableShape;
import io.tandem.gpu.Collective;
import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.Gather;
import io.tandem.gpu.RowUpdate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Both towers and their tables on one device, which computes its part of a batch. Gradients of
 * dense parameters are summed over all devices; the tables' come together, and every device moves
 * all touched rows. Replicas that begin equal stay equal.
 */
final class DeviceReplica implements AutoCloseable {
  private final Device device;
  private final int rank;
  private final Collective collective;
  private final List<TowerShape> shapes;
  private final List<DeviceTower> towers = new ArrayList<>();
  private final Map<TableGroup, Table> arenas = new LinkedHashMap<>();
  private Floats inputGradients;
  private Floats gathered;

  /** A table and its optimizer's state, or all of a group's. */
  record Table(Floats rows, Floats first, @Nullable Floats second) {
    /** Of a table within its group's. */
    private Table part(TableGroup.Place place, int dim) {
      Floats squares = second;
      long width = squares == null ? 1 : dim;
      return new Table(
          rows.slice((long) place.base() * dim, (long) place.count() * dim),
          first.slice(place.base() * width, place.count() * width),
          squares == null ? null : squares.slice(place.base() * width, place.count() * width));
    }
  }

  DeviceReplica(
      Device device,
      int rank,
      Collective collective,
      List<TowerShape> shapes,
      Optimizer optimizer,
      List<TableGroup> groups) {
    this.device = device;
    this.rank = rank;
    this.collective = collective;
    this.shapes = shapes;
    for (TowerShape shape : shapes) {
      towers.add(new DeviceTower(device, shape, optimizer));
    }
    boolean adam = optimizer.sparse() == Optimizer.Sparse.ADAM;
    for (TableGroup group : groups) {
      long size = (long) group.rows() * group.dim();
      arenas.put(
          group,
          new Table(
              device.floats(size),
              device.floats(adam ? size : group.rows()),
              adam ? device.floats(size) : null));
    }
    inputGradients = device.floats(0);
    gathered = device.floats(0);
  }

  DeviceTower tower(int number) {
    return towers.get(number);
  }

  Table table(TableShape shape) {
    return arenas.entrySet().stream()
        .filter(arena -> arena.getKey().holds(shape))
        .findFirst()
        .map(arena -> arena.getValue().part(arena.getKey().place(shape), shape.dim()))
        .orElseThrow(() -> new IllegalStateException("no table " + shape));
  }

  /** Output for this part of a tower's rows, [rows, dim]. */
  Floats forward(int tower, DeviceInputs inputs) {
    TowerShape shape = shapes.get(tower);
    int rows = inputs.rows(tower);
    int width = shape.inputWidth();
    Floats input = towers.get(tower).input(rows);
    // Where embeddings are added up, all groups share the columns.
    boolean adds = false;
    for (Map.Entry<TableGroup, Table> arena : arenas.entrySet()) {
      DeviceInputs.EntriesThere entries = inputs.there(rank, arena.getKey());
      DeviceInputs.SegmentsThere segments = entries.segments(tower);
      if (segments != null) {
        device.gatherPool(
            new Gather(
                arena.getValue().rows(),
                arena.getKey().dim(),
                segments.columns(),
                segments.offsets(),
                entries.ids(),
                entries.weights(),
                rows,
                input,
                width,
                adds));
        adds = shape.combine() == Combine.SUM;
      }
    }
    int dense = shape.input().denseWidth();
    if (dense > 0) {
      device.placeColumns(inputs.dense(rank, tower), dense, rows, input, width, width - dense);
    }
    return towers.get(tower).forward();
  }

  /** Output of the item tower for the rows of all parts, [ranks × rows, dim]. */
  Floats forwardAllItems(DeviceInputs inputs) {
    Floats own = forward(1, inputs);
    int ranks = collective.size();
    if (ranks == 1) {
      return own;
    }
    long part = (long) inputs.rows(1) * shapes.get(1).dim();
    if (gathered.length() < ranks * part) {
      device.free(gathered);
      gathered = device.floats(ranks * (part + part / 8));
    }
    device.copy(own, gathered.slice(rank * part, part), part);
    collective.allGather(rank, gathered, part);
    return gathered;
  }

  /**
   * Walks back through both towers; nothing moves yet.
   *
   * @param queryGradient by the outputs of this part's queries; overwritten
   * @param itemGradient this part's share of the gradient by the outputs of all items; overwritten
   */
  void backward(DeviceInputs inputs, Floats queryGradient, Floats itemGradient) {
    long itemPart = (long) inputs.rows(1) * shapes.get(1).dim();
    collective.reduceScatter(rank, itemGradient, itemPart);
    Floats[] gradients = {queryGradient, itemGradient.slice(rank * itemPart, itemPart)};
    long[] parts = new long[2];
    for (int tower = 0; tower < 2; tower++) {
      parts[tower] = (long) inputs.rows(tower) * shapes.get(tower).inputWidth();
    }
    int ranks = collective.size();
    long size = ranks * (parts[0] + parts[1]);
    if (inputGradients.length() < size) {
      device.free(inputGradients);
      inputGradients = device.floats(size + size / 8);
    }
    long at = 0;
    for (int tower = 0; tower < 2; tower++) {
      Floats all = inputGradients.slice(at, ranks * parts[tower]);
      towers.get(tower).backward(gradients[tower], all.slice(rank * parts[tower], parts[tower]));
      collective.allGather(rank, all, parts[tower]);
      DeviceTower own = towers.get(tower);
      if (own.parameterCount() > 0) {
        collective.allReduce(rank, own.gradients(), own.parameterCount());
      }
      at += ranks * parts[tower];
    }
  }

  /**
   * One optimizer step by the gradients of {@link #backward}.
   *
   * @param step from 1
   * @param sparseRate of the tables' rows
   */
  void update(DeviceInputs inputs, long step, float rateFactor, float sparseRate) {
    for (DeviceTower tower : towers) {
      tower.update(step, rateFactor);
    }
    arenas.forEach((group, arena) -> update(group, arena, inputs, sparseRate));
  }

  private void update(TableGroup group, Table arena, DeviceInputs inputs, float rate) {
    DeviceInputs.EntriesThere entries = inputs.there(rank, group);
    device.updateRows(
        new RowUpdate(
            arena.rows(),
            arena.first(),
            arena.second(),
            group.rows(),
            group.dim(),
            inputs.entries(group).size(),
            entries.ids(),
            entries.sources(),
            entries.weights(),
            inputGradients,
            rate));
  }

  float[] read(Floats there) {
    float[] here = new float[Math.toIntExact(there.length())];
    device.read(there, here, 0, here.length);
    return here;
  }

  void read(Floats there, float[][] pages) {
    long at = 0;
    for (float[] page : pages) {
      device.read(there.slice(at, page.length), page, 0, page.length);
      at += page.length;
    }
  }

  void write(float[] here, Floats there) {
    device.write(here, 0, here.length, there);
  }

  void write(float[][] pages, Floats there) {
    long at = 0;
    for (float[] page : pages) {
      device.write(page, 0, page.length, there.slice(at, page.length));
      at += page.length;
    }
  }

  @Override
  public void close() {
    towers.forEach(DeviceTower::close);
    for (Table table : arenas.values()) {
      device.free(table.rows());
      device.free(table.first());
      Floats second = table.second();
      if (second != null) {
        device.free(second);
      }
    }
    device.free(inputGradients);
    device.free(gathered);
  }
}
