package io.tandem.tower;

import io.tandem.feature.FeatureBatch;
import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.Ints;
import io.tandem.gpu.Part;
import io.tandem.gpu.Upload;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A batch's inputs of both towers as devices take them: for each group of tables the rows that are
 * looked up, their weights in what they are pooled into, and where the gradient of each will be.
 * Every device knows all that is looked up, since it moves all touched rows, and computes its part
 * of the batch's rows. Reused from batch to batch; packed on one thread, with others' help, while
 * an earlier batch is trained on.
 */
public final class DeviceInputs implements AutoCloseable {
  private final List<TowerShape> towers;
  private final Map<TableGroup, GroupEntries> groups = new LinkedHashMap<>();
  private final List<Replica> replicas = new ArrayList<>();

  /** Rows of a tower in the batch, before they are padded. */
  private final int[] rows = new int[2];

  /** Where a tower's segments begin in its input, and their entries, for a device's rows. */
  record SegmentsThere(Ints columns, Ints offsets) {}

  /** A group's entries on a device. */
  static final class EntriesThere {
    private final Upload ownUpload;
    private final @Nullable SegmentsThere[] segments = new SegmentsThere[2];
    private @Nullable Ints ids;
    private @Nullable Ints sources;
    private @Nullable Floats weights;

    private EntriesThere(Upload ownUpload) {
      this.ownUpload = ownUpload;
    }

    /** Of a tower, or null where it looks nothing up in the group. */
    @Nullable SegmentsThere segments(int tower) {
      return segments[tower];
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
    private final Map<TableGroup, EntriesThere> groups = new LinkedHashMap<>();
    private final @Nullable Floats[] dense = new Floats[2];

    private Replica(Part part, Device device) {
      this.part = part;
      upload = device.upload();
    }
  }

  DeviceInputs(List<Device> devices, List<TowerShape> towers, List<TableGroup> tableGroups) {
    this.towers = towers;
    for (TableGroup group : tableGroups) {
      groups.put(group, new GroupEntries(group, towers));
    }
    for (int rank = 0; rank < devices.size(); rank++) {
      Device device = devices.get(rank);
      Replica replica = new Replica(new Part(rank, devices.size()), device);
      for (TableGroup group : tableGroups) {
        replica.groups.put(
            group, new EntriesThere(group.isCached() ? device.upload() : replica.upload));
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

  GroupEntries entries(TableGroup group) {
    return sent(groups.get(group));
  }

  EntriesThere there(int rank, TableGroup group) {
    return sent(replicas.get(rank).groups.get(group));
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
    int[] padded = new int[2];
    for (int tower = 0; tower < 2; tower++) {
      rows[tower] = batches.get(tower).rows();
      padded[tower] = rows(tower) * replicas.size();
      bases[tower] = (int) gradients;
      gradients += (long) padded[tower] * towers.get(tower).inputWidth();
    }
    if (gradients > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "inputs of %d numbers are more than a step on a device takes; choose a smaller"
                  .formatted(gradients)
              + " training.batch");
    }
    groups.values().forEach(entries -> entries.pack(batches, padded, bases));
    for (Replica replica : replicas) {
      put(replica, batches);
    }
  }

  private void put(Replica replica, List<FeatureBatch> batches) {
    Upload upload = replica.upload;
    upload.begin();
    replica.groups.forEach(
        (group, there) -> {
          GroupEntries entries = entries(group);
          there.ids = group.isCached() ? null : upload.put(entries.ids(), entries.size());
          there.sources = upload.put(entries.sources(), entries.size());
          there.weights = upload.put(entries.weights(), entries.size());
          for (int tower = 0; tower < 2; tower++) {
            there.segments[tower] = segments(entries.tower(tower), tower, replica.part, upload);
          }
        });
    for (int tower = 0; tower < 2; tower++) {
      replica.dense[tower] = dense(tower, batches.get(tower), replica.part, upload);
    }
  }

  private @Nullable SegmentsThere segments(
      GroupEntries.Segments all, int tower, Part part, Upload upload) {
    int[] columns = all.columns();
    if (columns.length == 0) {
      return null;
    }
    int own = part.rows(rows[tower]) * columns.length;
    return new SegmentsThere(
        upload.put(columns, columns.length), upload.put(all.offsets(), part.rank() * own, own + 1));
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

  /** Sends where in its cache the rows of a table are, which is known later than the rest. */
  void sendPlaces(TableGroup group) {
    GroupEntries entries = entries(group);
    for (Replica replica : replicas) {
      EntriesThere there = sent(replica.groups.get(group));
      there.ownUpload.begin();
      there.ids = there.ownUpload.put(entries.places, entries.size());
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
    for (EntriesThere there : replica.groups.values()) {
      if (there.ownUpload != replica.upload) {
        there.ownUpload.await();
      }
    }
  }

  @Override
  public void close() {
    for (Replica replica : replicas) {
      replica.groups.values().stream()
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
