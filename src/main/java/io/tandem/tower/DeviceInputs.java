package io.tandem.tower;

import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.TableShape;
import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.Ints;
import io.tandem.gpu.Upload;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A batch's inputs of both towers as a device takes them: for each table the rows that are looked
 * up, their weights in what they are pooled into, and where the gradient of each will be. Reused
 * from batch to batch; packed on one thread while an earlier batch is trained on.
 */
public final class DeviceInputs implements AutoCloseable {
  private final Upload upload;
  private final List<TowerShape> towers;
  private final Map<TableShape, Entries> tables = new LinkedHashMap<>();
  private final int[] rows = new int[2];
  private final @Nullable Floats[] dense = new Floats[2];

  /** A slot's part of its table's entries. */
  record Slot(int tower, int slot, int column, int from, Ints offsets) {}

  /** What is looked up in one table, slot by slot. */
  static final class Entries {
    private int size;
    private int[] ids = new int[1024];
    private int[] sources = new int[1024];
    private float[] weights = new float[1024];
    private Slot[] slots = new Slot[0];
    private @Nullable Ints idsThere;
    private @Nullable Ints sourcesThere;
    private @Nullable Floats weightsThere;

    int size() {
      return size;
    }

    Slot[] slots() {
      return slots;
    }

    Ints ids() {
      return sent(idsThere);
    }

    Ints sources() {
      return sent(sourcesThere);
    }

    Floats weights() {
      return sent(weightsThere);
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

  DeviceInputs(Device device, List<TowerShape> towers) {
    upload = device.upload();
    this.towers = towers;
    for (TowerShape tower : towers) {
      for (InputSchema.Slot slot : tower.input().slots()) {
        tables.computeIfAbsent(slot.table(), table -> new Entries());
      }
    }
  }

  /** What else goes with the batch is put between {@link #pack} and {@link #send}. */
  public Upload upload() {
    return upload;
  }

  /** Rows of a tower: 0 for queries, 1 for items. */
  int rows(int tower) {
    return rows[tower];
  }

  Entries entries(TableShape table) {
    return sent(tables.get(table));
  }

  /** The plain numbers of a tower, [rows, dense width]. */
  Floats dense(int tower) {
    return sent(dense[tower]);
  }

  /** Packs what enters the towers; ids are checked here, since kernels do not. */
  public void pack(FeatureBatch queries, FeatureBatch items) {
    upload.begin();
    List<FeatureBatch> batches = List.of(queries, items);
    long gradients = 0;
    int[] bases = new int[2];
    for (int tower = 0; tower < 2; tower++) {
      rows[tower] = batches.get(tower).rows();
      bases[tower] = (int) gradients;
      gradients += (long) rows[tower] * towers.get(tower).inputWidth();
    }
    if (gradients > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "inputs of %d numbers are more than a step on a device takes; choose a smaller"
                  .formatted(gradients)
              + " training.batch");
    }
    tables.forEach((table, entries) -> pack(table, entries, batches, bases));
    for (int tower = 0; tower < 2; tower++) {
      int width = towers.get(tower).input().denseWidth();
      dense[tower] =
          width == 0 ? null : upload.put(batches.get(tower).dense(), rows[tower] * width);
    }
  }

  private void pack(TableShape table, Entries entries, List<FeatureBatch> batches, int[] bases) {
    entries.size = 0;
    int count = 0;
    Slot[] slots = new Slot[16];
    for (int tower = 0; tower < 2; tower++) {
      TowerShape shape = towers.get(tower);
      List<InputSchema.Slot> layout = shape.input().slots();
      for (int slot = 0; slot < layout.size(); slot++) {
        if (layout.get(slot).table().equals(table)) {
          slots = count == slots.length ? Arrays.copyOf(slots, 2 * count) : slots;
          slots[count++] =
              pack(entries, batches.get(tower), layout.get(slot), tower, slot, bases[tower]);
        }
      }
    }
    entries.slots = Arrays.copyOf(slots, count);
    entries.idsThere = upload.put(entries.ids, entries.size);
    entries.sourcesThere = upload.put(entries.sources, entries.size);
    entries.weightsThere = upload.put(entries.weights, entries.size);
  }

  private Slot pack(
      Entries entries, FeatureBatch batch, InputSchema.Slot layout, int tower, int slot, int base) {
    TowerShape shape = towers.get(tower);
    int width = shape.inputWidth();
    int column = shape.offset(slot);
    int[] ids = batch.ids(slot);
    int[] offsets = new int[batch.rows() + 1];
    int from = entries.size;
    offsets[0] = from;
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
    return new Slot(tower, slot, column, from, upload.put(offsets, offsets.length));
  }

  /** Starts the copy to the device. */
  public void send() {
    upload.send();
  }

  @Override
  public void close() {
    upload.close();
  }

  private static <T> T sent(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("nothing was packed");
    }
    return value;
  }
}
