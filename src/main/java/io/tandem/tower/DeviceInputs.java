package io.tandem.tower;

import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.TableShape;
import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.Ints;
import io.tandem.gpu.Part;
import io.tandem.gpu.Upload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A batch's inputs of both towers as devices take them: for each table the rows that are looked up,
 * their weights in what they are pooled into, and where the gradient of each will be. Every device
 * knows all that is looked up, since it moves all touched rows, and computes its part of the
 * batch's rows. Reused from batch to batch; packed on one thread while an earlier batch is trained
 * on.
 */
public final class DeviceInputs implements AutoCloseable {
  private final List<TowerShape> towers;
  private final Map<TableShape, Entries> tables = new LinkedHashMap<>();
  private final List<Replica> replicas = new ArrayList<>();

  /** Rows of a tower in the batch, before they are padded. */
  private final int[] rows = new int[2];

  /** A slot's part of its table's entries: those of row r are offsets[r] until offsets[r + 1]. */
  private record Slot(int tower, int column, int[] offsets) {}

  /** The same on a device, for its part of the rows. */
  record SlotThere(int tower, int column, Ints offsets) {}

  /** What is looked up in one table, slot by slot. */
  static final class Entries {
    private int size;
    private int[] ids = new int[1024];
    private int[] sources = new int[1024];
    private float[] weights = new float[1024];
    private Slot[] slots = new Slot[0];

    /** Where the table's rows are cached: which batch this is, and their places there. */
    long batch;

    int[] places = new int[0];

    int size() {
      return size;
    }

    /** Rows of the table. */
    int[] ids() {
      return ids;
    }

    private void add(int id, int source, float weight) {
      if (size == ids.length) {
        ids = Arrays.copyOf(ids, size * 2);
        sources = Arrays.copyOf(sources, size * 2);
        weights = Arrays.copyOf(weights, size * 2);
      }
      ids[size] = id;
      sources[size] = source;
      weights[size++] = weight;
    }
  }

  /** A table's entries on a device. */
  static final class EntriesThere {
    private final Upload ownUpload;
    private SlotThere[] slots = new SlotThere[0];
    private @Nullable Ints ids;
    private @Nullable Ints sources;
    private @Nullable Floats weights;

    private EntriesThere(Upload ownUpload) {
      this.ownUpload = ownUpload;
    }

    SlotThere[] slots() {
      return slots;
    }

    Ints ids() {
      return sent(ids);
    }

    Ints sources() {
      return sent(sources);
    }

    Floats weights() {
      return sent(weights);
    }
  }

  /** One device's. */
  private static final class Replica {
    private final Part part;
    private final Upload upload;
    private final Map<TableShape, EntriesThere> tables = new LinkedHashMap<>();
    private final @Nullable Floats[] dense = new Floats[2];

    private Replica(Part part, Device device) {
      this.part = part;
      upload = device.upload();
    }
  }

  /**
   * @param cached tables of which only some rows are on the devices
   */
  DeviceInputs(List<Device> devices, List<TowerShape> towers, Set<TableShape> cached) {
    this.towers = towers;
    for (TowerShape tower : towers) {
      for (InputSchema.Slot slot : tower.input().slots()) {
        tables.computeIfAbsent(slot.table(), table -> new Entries());
      }
    }
    for (int rank = 0; rank < devices.size(); rank++) {
      Device device = devices.get(rank);
      Replica replica = new Replica(new Part(rank, devices.size()), device);
      for (TableShape table : tables.keySet()) {
        replica.tables.put(
            table, new EntriesThere(cached.contains(table) ? device.upload() : replica.upload));
      }
      replicas.add(replica);
    }
  }

  /** What else goes to a device with the batch is put between {@link #pack} and {@link #send}. */
  public Upload upload(int rank) {
    return replicas.get(rank).upload;
  }

  /** Rows of a part of a tower's, with those padded: 0 for queries, 1 for items. */
  int rows(int tower) {
    return replicas.get(0).part.rows(rows[tower]);
  }

  Entries entries(TableShape table) {
    return sent(tables.get(table));
  }

  EntriesThere there(int rank, TableShape table) {
    return sent(replicas.get(rank).tables.get(table));
  }

  /** The plain numbers of a tower, [rows, dense width]. */
  Floats dense(int rank, int tower) {
    return sent(replicas.get(rank).dense[tower]);
  }

  /** Packs what enters the towers; ids are checked here, since kernels do not. */
  public void pack(FeatureBatch queries, FeatureBatch items) {
    List<FeatureBatch> batches = List.of(queries, items);
    long gradients = 0;
    int[] bases = new int[2];
    for (int tower = 0; tower < 2; tower++) {
      rows[tower] = batches.get(tower).rows();
      bases[tower] = (int) gradients;
      gradients += (long) rows(tower) * replicas.size() * towers.get(tower).inputWidth();
    }
    if (gradients > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "inputs of %d numbers are more than a step on a device takes; choose a smaller"
                  .formatted(gradients)
              + " training.batch");
    }
    tables.forEach((table, entries) -> pack(table, entries, batches, bases));
    for (Replica replica : replicas) {
      put(replica, batches);
    }
  }

  private void pack(TableShape table, Entries entries, List<FeatureBatch> batches, int[] bases) {
    entries.size = 0;
    List<Slot> slots = new ArrayList<>();
    for (int tower = 0; tower < 2; tower++) {
      List<InputSchema.Slot> layout = towers.get(tower).input().slots();
      for (int slot = 0; slot < layout.size(); slot++) {
        if (layout.get(slot).table().equals(table)) {
          slots.add(pack(entries, batches.get(tower), layout.get(slot), tower, slot, bases[tower]));
        }
      }
    }
    entries.slots = slots.toArray(Slot[]::new);
  }

  private Slot pack(
      Entries entries, FeatureBatch batch, InputSchema.Slot layout, int tower, int slot, int base) {
    TowerShape shape = towers.get(tower);
    int width = shape.inputWidth();
    int column = shape.offset(slot);
    int[] ids = batch.ids(slot);
    int[] offsets = new int[batch.rows() + 1];
    offsets[0] = entries.size;
    for (int row = 0; row < batch.rows(); row++) {
      int start = batch.start(slot, row);
      int end = batch.end(slot, row);
      for (int i = start; i < end; i++) {
        if (ids[i] < 0 || ids[i] >= layout.table().rows()) {
          throw new IllegalArgumentException(
              "feature %s: row %d of a table of %d"
                  .formatted(layout.feature(), ids[i], layout.table().rows()));
        }
        float weight = SlotPooling.weight(layout, i - start, end - start);
        entries.add(ids[i], base + row * width + column, weight);
      }
      offsets[row + 1] = entries.size;
    }
    return new Slot(tower, column, offsets);
  }

  private void put(Replica replica, List<FeatureBatch> batches) {
    Upload upload = replica.upload;
    upload.begin();
    replica.tables.forEach(
        (table, there) -> {
          Entries entries = entries(table);
          there.ids = there.ownUpload == upload ? upload.put(entries.ids, entries.size) : null;
          there.sources = upload.put(entries.sources, entries.size);
          there.weights = upload.put(entries.weights, entries.size);
          there.slots = new SlotThere[entries.slots.length];
          for (int i = 0; i < there.slots.length; i++) {
            Slot slot = entries.slots[i];
            there.slots[i] =
                new SlotThere(slot.tower(), slot.column(), offsets(slot, replica.part, upload));
          }
        });
    for (int tower = 0; tower < 2; tower++) {
      replica.dense[tower] = dense(tower, batches.get(tower), replica.part, upload);
    }
  }

  private @Nullable Floats dense(int tower, FeatureBatch batch, Part part, Upload upload) {
    int width = towers.get(tower).input().denseWidth();
    if (width == 0 || part.size() == 1) {
      return width == 0 ? null : upload.put(batch.dense(), rows[tower] * width);
    }
    int all = rows[tower];
    float[] own = new float[part.rows(all) * width];
    int from = part.from(all);
    System.arraycopy(batch.dense(), from * width, own, 0, (part.to(all) - from) * width);
    return upload.put(own, own.length);
  }

  /** Offsets of a part's rows; padded ones have no values. */
  private Ints offsets(Slot slot, Part part, Upload upload) {
    int all = rows[slot.tower()];
    int own = part.rows(all);
    if (part.size() == 1) {
      return upload.put(slot.offsets(), own + 1);
    }
    int[] offsets = new int[own + 1];
    for (int i = 0; i <= own; i++) {
      offsets[i] = slot.offsets()[Math.min(all, part.from(all) + i)];
    }
    return upload.put(offsets, own + 1);
  }

  /** Sends where in its cache the rows of a table are, which is known later than the rest. */
  void sendPlaces(TableShape table) {
    Entries entries = entries(table);
    for (Replica replica : replicas) {
      EntriesThere there = sent(replica.tables.get(table));
      there.ownUpload.begin();
      there.ids = there.ownUpload.put(entries.places, entries.size);
      there.ownUpload.send();
    }
  }

  /** Starts the copy to the devices. */
  public void send() {
    replicas.forEach(replica -> replica.upload.send());
  }

  /** Everything asked of a device from here on comes after the copies. */
  void await(int rank) {
    Replica replica = replicas.get(rank);
    replica.upload.await();
    for (EntriesThere there : replica.tables.values()) {
      if (there.ownUpload != replica.upload) {
        there.ownUpload.await();
      }
    }
  }

  @Override
  public void close() {
    for (Replica replica : replicas) {
      replica.tables.values().stream()
          .map(there -> there.ownUpload)
          .filter(upload -> upload != replica.upload)
          .forEach(Upload::close);
      replica.upload.close();
    }
  }

  private static <T> T sent(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("nothing was packed");
    }
    return value;
  }
}
