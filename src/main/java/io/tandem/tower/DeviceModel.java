package io.tandem.tower;

import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.TableShape;
import io.tandem.gpu.Collective;
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
 * Both towers and their tables on one device, or on several that share the rows of each batch.
 * Parameters come from a {@link TowerModel} and are brought back into it whenever it is asked for
 * them: checkpoints, validation and exports do not differ by where a model was trained. Of tables
 * that are larger than a device's memory, devices hold the rows in use.
 *
 * <p>One thread at a time, but for {@link DeviceInputs} and {@link #loadAhead}, which have the
 * thread that packs batches, and for what takes a rank, which has a thread for each.
 */
public final class DeviceModel implements TowerModel.Mirror, AutoCloseable {
  private final TowerModel model;
  private final List<Device> devices;
  private final Optimizer optimizer;
  private final List<TowerShape> shapes;
  private final List<DeviceReplica> replicas = new ArrayList<>();
  private final List<TableGroup> groups;
  private final Map<TableGroup, TableCache> caches = new LinkedHashMap<>();
  private long steps;
  private boolean newer;

  /** Copies a model to a device and makes it the one that is trained. */
  public DeviceModel(TowerModel model, Device device, Optimizer optimizer) {
    this(model, List.of(device), Collective.of(List.of(device)), optimizer);
  }

  /**
   * Copies a model to devices and makes it the one that is trained.
   *
   * @param collective over the devices, in their order
   */
  public DeviceModel(
      TowerModel model, List<Device> devices, Collective collective, Optimizer optimizer) {
    this(
        model,
        devices,
        collective,
        optimizer,
        TablePlan.budget(devices.stream().mapToLong(Device::tableBytes).min().orElseThrow()));
  }

  /**
   * @param tableBytes of each device for tables
   */
  DeviceModel(
      TowerModel model,
      List<Device> devices,
      Collective collective,
      Optimizer optimizer,
      long tableBytes) {
    this.model = model;
    this.devices = List.copyOf(devices);
    this.optimizer = optimizer;
    shapes = model.shapes();
    String reason = unsupported(shapes);
    if (reason != null) {
      throw new IllegalArgumentException(reason);
    }
    groups = TableGroup.of(TablePlan.rows(model.tables().keySet(), optimizer, tableBytes));
    for (int rank = 0; rank < devices.size(); rank++) {
      replicas.add(
          new DeviceReplica(devices.get(rank), rank, collective, shapes, optimizer, groups));
    }
    for (TableGroup group : groups) {
      if (group.isCached()) {
        group.tables().forEach(shape -> caches.put(group, cache(shape, group.rows())));
      }
    }
    push();
    model.mirroredBy(this);
  }

  private TableCache cache(TableShape shape, int places) {
    EmbeddingTable here = model.table(shape);
    List<DeviceReplica.Table> there =
        replicas.stream().map(replica -> replica.table(shape)).toList();
    float[][][] state = here.optimizer().state();
    boolean adam = optimizer.sparse() == Optimizer.Sparse.ADAM;
    List<TableCache.Matrix> matrices = new ArrayList<>();
    matrices.add(
        new TableCache.Matrix(
            shape.dim(), here.pages(), there.stream().map(DeviceReplica.Table::rows).toList()));
    matrices.add(
        new TableCache.Matrix(
            adam ? shape.dim() : 1,
            state[0],
            there.stream().map(DeviceReplica.Table::first).toList()));
    if (adam) {
      List<Floats> seconds = new ArrayList<>();
      for (DeviceReplica.Table table : there) {
        Floats second = table.second();
        if (second != null) {
          seconds.add(second);
        }
      }
      matrices.add(new TableCache.Matrix(shape.dim(), state[1], seconds));
    }
    return new TableCache(
        shape.name(), places, matrices, devices.stream().map(Device::rowCopies).toList());
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

  /** Says for each table of which a device has no room for all rows how many it holds. */
  public Map<String, Integer> cachedRows() {
    Map<String, Integer> rows = new LinkedHashMap<>();
    caches.forEach(
        (group, cache) -> group.tables().forEach(shape -> rows.put(shape.name(), cache.places())));
    return rows;
  }

  /** Of a table's cache. */
  TableCache.@Nullable Counts counts(TableShape table) {
    TableCache cache = cacheOf(table);
    return cache == null ? null : cache.counts();
  }

  private @Nullable TableCache cacheOf(TableShape table) {
    for (Map.Entry<TableGroup, TableCache> entry : caches.entrySet()) {
      if (entry.getKey().holds(table)) {
        return entry.getValue();
      }
    }
    return null;
  }

  /** Room for a batch's inputs; whoever asks closes it. */
  public DeviceInputs inputs() {
    return new DeviceInputs(devices, shapes, groups);
  }

  /**
   * Brings the rows that packed inputs need to the devices, as far as there is room while earlier
   * batches are trained on. Inputs are trained on in the order in which they were brought here.
   */
  public void loadAhead(DeviceInputs inputs) {
    caches.forEach(
        (group, cache) -> {
          GroupEntries entries = inputs.entries(group);
          entries.batch = cache.begin();
          if (entries.places.length < entries.size()) {
            entries.places = new int[entries.size() + entries.size() / 8];
          }
          if (cache.loadAhead(entries.batch, entries.ids(), entries.size(), entries.places)) {
            inputs.sendPlaces(group);
          }
        });
  }

  /** Before the inputs are trained on, once the batch before is finished. */
  public void begin(DeviceInputs inputs) {
    caches.forEach(
        (group, cache) -> {
          GroupEntries entries = inputs.entries(group);
          if (!cache.holds(entries.batch)) {
            cache.loadNow(entries.batch, entries.ids(), entries.size(), entries.places);
            inputs.sendPlaces(group);
          }
        });
    steps++;
    newer = true;
  }

  /** After the devices have done what was asked of them for the inputs. */
  public void finish(DeviceInputs inputs) {
    caches.forEach((group, cache) -> cache.finish(inputs.entries(group).batch));
  }

  /** What a device is asked from here on comes after the inputs' copies. */
  public void await(int rank, DeviceInputs inputs) {
    inputs.await(rank);
    caches.values().forEach(cache -> cache.await(rank));
  }

  /** Output of the query tower for a rank's part of the queries, [rows, dim]. */
  public Floats forwardQueries(int rank, DeviceInputs inputs) {
    return replicas.get(rank).forward(0, inputs);
  }

  /** Output of the item tower for all items of the batch, [ranks × rows of a part, dim]. */
  public Floats forwardItems(int rank, DeviceInputs inputs) {
    return replicas.get(rank).forwardAllItems(inputs);
  }

  /**
   * Walks back from the gradients of a mean loss over the whole batch, of which each rank brings
   * its rows' part; they are overwritten. Parameters stay.
   *
   * @param queryGradient by the rank's part of the queries' outputs
   * @param itemGradient by all items' outputs
   */
  public void backward(int rank, DeviceInputs inputs, Floats queryGradient, Floats itemGradient) {
    replicas.get(rank).backward(inputs, queryGradient, itemGradient);
  }

  /**
   * One optimizer step by the gradients of the last {@link #backward}.
   *
   * @param rateFactor the schedule's factor on both learning rates
   */
  public void update(int rank, DeviceInputs inputs, double rateFactor) {
    float rate = (float) (optimizer.sparseRate() * rateFactor);
    if (optimizer.sparse() == Optimizer.Sparse.ADAM) {
      rate =
          (float)
              (rate
                  * Math.sqrt(1 - Math.pow(0.999, (double) steps))
                  / (1 - Math.pow(0.9, (double) steps)));
    }
    replicas.get(rank).update(inputs, steps, (float) rateFactor, rate);
  }

  @Override
  public void pull() {
    if (!newer) {
      return;
    }
    DeviceReplica there = replicas.get(0);
    for (int tower = 0; tower < 2; tower++) {
      DeviceTower layers = there.tower(tower);
      Floats moments = layers.moments();
      model
          .tower(tower)
          .setDense(
              there.read(layers.parameters()),
              moments == null ? new float[0] : there.read(moments),
              (int) steps);
    }
    model
        .tables()
        .forEach(
            (shape, here) -> {
              here.optimizer().setSteps(steps);
              TableCache cache = cacheOf(shape);
              if (cache != null) {
                cache.flush();
                return;
              }
              DeviceReplica.Table table = there.table(shape);
              there.read(table.rows(), here.pages());
              float[][][] state = here.optimizer().state();
              there.read(table.first(), state[0]);
              if (table.second() != null) {
                there.read(table.second(), state[1]);
              }
            });
    newer = false;
  }

  @Override
  public void push() {
    steps = model.tower(0).steps();
    replicas.forEach(this::push);
    caches.values().forEach(TableCache::clear);
    newer = false;
  }

  private void push(DeviceReplica there) {
    for (int tower = 0; tower < 2; tower++) {
      DeviceTower layers = there.tower(tower);
      there.write(model.tower(tower).denseParameters(), layers.parameters());
      Floats moments = layers.moments();
      if (moments != null) {
        there.write(model.tower(tower).denseState(), moments);
      }
    }
    model
        .tables()
        .forEach(
            (shape, here) -> {
              if (cacheOf(shape) != null) {
                return;
              }
              DeviceReplica.Table table = there.table(shape);
              there.write(here.pages(), table.rows());
              float[][][] state = here.optimizer().state();
              there.write(state[0], table.first());
              if (table.second() != null) {
                there.write(state[1], table.second());
              }
            });
  }

  /** Brings the parameters back and frees the devices' memory; the devices stay open. */
  @Override
  public void close() {
    pull();
    model.mirroredBy(null);
    caches.values().forEach(TableCache::close);
    replicas.forEach(DeviceReplica::close);
  }
}
