package io.tandem.tower;

import io.tandem.gpu.Floats;
import io.tandem.gpu.RowCopies;
import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * The rows of a table, with their optimizer's state, that devices hold of one that is larger than
 * their memory. The table stays in the host's memory; before a batch is trained on, the rows that
 * it needs and the devices lack are copied there, and changed rows that make room for them come
 * back. Costs depend on the batch, not on the table.
 *
 * <p>What makes room is chosen by a clock with credit: a row that is asked for often survives that
 * many turns of the hand. Rows of batches that are not finished stay.
 *
 * <p>All devices hold the same rows in the same places, and agree in what they hold. Safe for use
 * by the thread that packs batches, which loads, and the devices' threads, which train.
 */
final class TableCache implements AutoCloseable {
  private static final int MOST_CREDIT = 3;
  private static final int NO_ROW = -1;

  /**
   * A matrix with a row for each of the table's: in pages on the host, by places on the devices.
   */
  record Matrix(int width, float[][] pages, List<Floats> there) {
    private float[] page(int row) {
      return pages[row >>> EmbeddingTable.pageShift(width)];
    }

    private int offset(int row) {
      return (row & (1 << EmbeddingTable.pageShift(width)) - 1) * width;
    }

    void toHost(int row, float[] values, int i) {
      System.arraycopy(values, i * width, page(row), offset(row), width);
    }

    void fromHost(int row, float[] values, int i) {
      System.arraycopy(page(row), offset(row), values, i * width, width);
    }
  }

  /** What was asked of a cache so far. */
  record Counts(long found, long loaded, long evicted) {}

  private final String name;
  private final List<Matrix> matrices;
  private final List<RowCopies> copies;
  private final Int2IntOpenHashMap placeOf;
  private final int[] rowAt;
  private final byte[] credit;

  /** The last batch that needs a place. */
  private final long[] lastUse;

  /** The last batch whose changes the host has. */
  private final long[] knownTo;

  private int hand;
  private long begun;
  private long loaded;
  private long finished;
  private long found;
  private long misses;
  private long clearedAt;
  private long evicted;

  /**
   * @param name of the table, for errors
   * @param places how many rows there is room for
   * @param copies of each device; closed with this
   */
  TableCache(String name, int places, List<Matrix> matrices, List<RowCopies> copies) {
    this.name = name;
    this.matrices = matrices;
    this.copies = copies;
    placeOf = new Int2IntOpenHashMap(places);
    placeOf.defaultReturnValue(NO_ROW);
    rowAt = new int[places];
    Arrays.fill(rowAt, NO_ROW);
    credit = new byte[places];
    lastUse = new long[places];
    knownTo = new long[places];
  }

  int places() {
    return rowAt.length;
  }

  synchronized Counts counts() {
    return new Counts(found, misses, evicted);
  }

  /** Announces the next batch; batches are loaded and finished in this order. */
  synchronized long begin() {
    return ++begun;
  }

  /**
   * Brings a batch's rows to the devices while earlier ones may be in training.
   *
   * @param rows of the table
   * @param count of them, the same one as often as it is looked up
   * @param places receives where each row is on the devices
   * @return whether all found room; otherwise it is tried again by {@link #loadNow}
   */
  synchronized boolean loadAhead(long batch, int[] rows, int count, int[] places) {
    return loaded == batch - 1 && load(batch, rows, count, places);
  }

  /** The same once earlier batches are finished. */
  synchronized void loadNow(long batch, int[] rows, int count, int[] places) {
    finished = Math.max(finished, batch - 1);
    if (!load(batch, rows, count, places)) {
      throw new IllegalStateException(
          "the cache of table %s has room for %d rows, a batch needs more: choose a smaller training.batch,"
                  .formatted(name, rowAt.length)
              + " or give tables more of the GPU's memory (-D"
              + TablePlan.MEMORY
              + ")");
    }
  }

  /** Nothing that is asked of devices from here on touches a batch's rows. */
  synchronized void finish(long batch) {
    finished = Math.max(finished, batch);
  }

  /** What a device is asked from here on comes after the rows that were brought. */
  void await(int rank) {
    copies.get(rank).await();
  }

  private boolean load(long batch, int[] rows, int count, int[] places) {
    int missing = 0;
    for (int i = 0; i < count; i++) {
      int place = placeOf.get(rows[i]);
      places[i] = place;
      if (place == NO_ROW) {
        missing++;
      } else {
        use(place, batch);
      }
    }
    found += count - missing;
    List<int[]> out = new ArrayList<>();
    List<int[]> in = new ArrayList<>();
    boolean all = true;
    for (int i = 0; i < count && missing > 0 && all; i++) {
      if (places[i] == NO_ROW) {
        int place = placeOf.get(rows[i]);
        if (place == NO_ROW) {
          place = room();
          all = place != NO_ROW;
          if (all) {
            assign(place, rows[i], batch, out);
            in.add(new int[] {rows[i], place});
          }
        }
        places[i] = place;
      }
    }
    toHost(out);
    toDevices(in);
    misses += in.size();
    if (all) {
      loaded = batch;
    }
    return all;
  }

  private void use(int place, long batch) {
    if (lastUse[place] != batch) {
      lastUse[place] = batch;
      credit[place] = (byte) Math.min(MOST_CREDIT, credit[place] + 1);
    }
  }

  /** A place that is free or can be made so, or NO_ROW. */
  private int room() {
    for (long turn = 0; turn < (MOST_CREDIT + 2L) * rowAt.length; turn++) {
      int place = hand;
      hand = hand + 1 == rowAt.length ? 0 : hand + 1;
      if (rowAt[place] == NO_ROW) {
        return place;
      }
      if (lastUse[place] <= finished) {
        if (credit[place] == 0) {
          return place;
        }
        credit[place]--;
      }
    }
    return NO_ROW;
  }

  private void assign(int place, int row, long batch, List<int[]> out) {
    if (rowAt[place] != NO_ROW) {
      placeOf.remove(rowAt[place]);
      evicted++;
      if (lastUse[place] > knownTo[place]) {
        out.add(new int[] {rowAt[place], place});
      }
    }
    rowAt[place] = row;
    placeOf.put(row, place);
    lastUse[place] = batch;
    knownTo[place] = batch - 1;
    credit[place] = 0;
  }

  /** All changes of finished batches are then on the host. */
  synchronized void flush() {
    List<int[]> changed = new ArrayList<>();
    for (int place = 0; place < rowAt.length; place++) {
      if (rowAt[place] != NO_ROW && lastUse[place] > knownTo[place]) {
        changed.add(new int[] {rowAt[place], place});
        knownTo[place] = Math.min(finished, lastUse[place]);
      }
    }
    toHost(changed);
  }

  /** Whether what was brought for a batch is still there. */
  synchronized boolean holds(long batch) {
    return batch > clearedAt && batch <= loaded;
  }

  /**
   * Forgets what the devices hold, also of batches that are not finished: the host knows better.
   */
  synchronized void clear() {
    clearedAt = begun;
    placeOf.clear();
    Arrays.fill(rowAt, NO_ROW);
    Arrays.fill(credit, (byte) 0);
    Arrays.fill(lastUse, 0);
    Arrays.fill(knownTo, 0);
  }

  /** By row and place. All devices hold the same: the first one tells. */
  private void toHost(List<int[]> moved) {
    inChunks(
        moved,
        (matrix, part) -> {
          float[] values = new float[part.size() * matrix.width()];
          copies
              .get(0)
              .read(matrix.there().get(0), matrix.width(), places(part), part.size(), values);
          each(part, i -> matrix.toHost(part.get(i)[0], values, i));
        });
  }

  private void toDevices(List<int[]> moved) {
    inChunks(
        moved,
        (matrix, part) -> {
          float[] values = new float[part.size() * matrix.width()];
          each(part, i -> matrix.fromHost(part.get(i)[0], values, i));
          for (int rank = 0; rank < copies.size(); rank++) {
            copies
                .get(rank)
                .write(values, part.size(), matrix.there().get(rank), matrix.width(), places(part));
          }
        });
  }

  private interface Move {
    void run(Matrix matrix, List<int[]> part);
  }

  private void inChunks(List<int[]> moved, Move move) {
    for (Matrix matrix : matrices) {
      int most = Math.max(1, (1 << 22) / matrix.width());
      for (int from = 0; from < moved.size(); from += most) {
        move.run(matrix, moved.subList(from, Math.min(moved.size(), from + most)));
      }
    }
  }

  private static void each(List<int[]> part, IntConsumer work) {
    for (int i = 0; i < part.size(); i++) {
      work.accept(i);
    }
  }

  private static int[] places(List<int[]> part) {
    return part.stream().mapToInt(pair -> pair[1]).toArray();
  }

  @Override
  public void close() {
    copies.forEach(RowCopies::close);
  }
}
