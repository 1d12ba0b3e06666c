package io.tandem.feature;

import com.google.common.hash.HashFunction;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.util.Arrays;

/**
 * Inputs of some rows for one tower: for each slot the table rows of its values, and the dense
 * numbers. Grows as needed and is reused: {@link #clear()} keeps the memory. Not thread-safe.
 *
 * <p>Rows are appended: for each slot in order {@link #add}, then {@link #endSlot} once per row and
 * slot; dense numbers by {@link #addDense}; then {@link #endRow}.
 */
public final class FeatureBatch {
  /** Largest array that every JVM allows. */
  private static final int LIMIT = Integer.MAX_VALUE - 8;

  private static final HashFunction HASH = Hashing.murmur3_128();

  private final InputSchema schema;
  private final int[][] ids;
  private final int[][] starts;
  private final int[][] ends;
  private final int[] counts;

  /** By slot, where the values begin that no row has yet. */
  private final int[] pending;

  private float[] dense;
  private int denseCount;
  private int rows;

  public FeatureBatch(InputSchema schema) {
    this.schema = schema;
    int slots = schema.slots().size();
    ids = new int[slots][16];
    starts = new int[slots][16];
    ends = new int[slots][16];
    counts = new int[slots];
    pending = new int[slots];
    dense = new float[Math.max(16, schema.denseWidth())];
  }

  /** What a row holds. */
  public InputSchema schema() {
    return schema;
  }

  /** Complete rows. */
  public int rows() {
    return rows;
  }

  /** Forgets all rows. */
  public void clear() {
    Arrays.fill(counts, 0);
    Arrays.fill(pending, 0);
    denseCount = 0;
    rows = 0;
  }

  /** Adds a table row to a slot of the row being appended. */
  public void add(int slot, int id) {
    int count = counts[slot];
    if (count == ids[slot].length) {
      ids[slot] = Arrays.copyOf(ids[slot], grown(count));
    }
    ids[slot][count] = id;
    counts[slot] = count + 1;
  }

  /** Ends a slot of the row being appended with what was added since; a slot may be empty. */
  public void endSlot(int slot) {
    endSlot(slot, pending[slot], counts[slot]);
    pending[slot] = counts[slot];
  }

  /**
   * Ends a slot of the row being appended with values that were added before, as rows that see
   * prefixes of one sequence share them.
   *
   * @param start position of its first value in {@link #ids(int)}
   * @param end one past that of its last
   */
  public void endSlot(int slot, int start, int end) {
    if (rows == ends[slot].length) {
      starts[slot] = Arrays.copyOf(starts[slot], grown(rows));
      ends[slot] = Arrays.copyOf(ends[slot], grown(rows));
    }
    starts[slot][rows] = start;
    ends[slot][rows] = end;
  }

  /** No row to come shares values with those before. */
  public void endSharing() {
    System.arraycopy(counts, 0, pending, 0, counts.length);
  }

  /** Makes a row's values of a slot one value. */
  public void replace(int slot, int row, int id) {
    for (int i = start(slot, row); i < end(slot, row); i++) {
      ids[slot][i] = id;
    }
  }

  /** Adds the next dense number of the row being appended. */
  public void addDense(float value) {
    if (denseCount == dense.length) {
      dense = Arrays.copyOf(dense, grown(denseCount));
    }
    dense[denseCount++] = value;
  }

  /**
   * Ends the row being appended.
   *
   * @throws IllegalStateException if its dense numbers are not as many as the schema says
   */
  public void endRow() {
    rows++;
    if (denseCount != rows * schema.denseWidth()) {
      throw new IllegalStateException(
          "row %d has %d dense numbers, expected %d"
              .formatted(
                  rows - 1, denseCount - (rows - 1) * schema.denseWidth(), schema.denseWidth()));
    }
  }

  /** Appends one row of another batch of the same schema. */
  public void append(FeatureBatch source, int row) {
    for (int slot = 0; slot < ids.length; slot++) {
      appendSlot(slot, source, slot, row);
    }
    appendDense(source, row, 0, schema.denseWidth());
    endRow();
  }

  /** Appends and ends one slot of the row being appended, from a slot of another batch. */
  public void appendSlot(int slot, FeatureBatch source, int sourceSlot, int row) {
    int from = source.start(sourceSlot, row);
    int to = source.end(sourceSlot, row);
    for (int i = from; i < to; i++) {
      add(slot, source.ids[sourceSlot][i]);
    }
    endSlot(slot);
  }

  /** Appends dense numbers {@code from} until {@code to} of another batch's row. */
  public void appendDense(FeatureBatch source, int row, int from, int to) {
    int start = row * source.schema.denseWidth();
    for (int i = start + from; i < start + to; i++) {
      addDense(source.dense[i]);
    }
  }

  private static int grown(int length) {
    if (length == LIMIT) {
      throw new IllegalStateException("a batch holds at most %d values of a slot".formatted(LIMIT));
    }
    return (int) Math.min(LIMIT, length * 2L);
  }

  /**
   * A hash of everything a row holds (murmur3, 64 of its bits): rows of equal input have the same,
   * whatever batch they are in.
   */
  public long hash(int row) {
    Hasher hasher = HASH.newHasher();
    for (int slot = 0; slot < ids.length; slot++) {
      int from = starts[slot][row];
      int to = ends[slot][row];
      hasher.putInt(to - from);
      for (int i = from; i < to; i++) {
        hasher.putInt(ids[slot][i]);
      }
    }
    int width = schema.denseWidth();
    for (int i = row * width; i < (row + 1) * width; i++) {
      hasher.putFloat(dense[i]);
    }
    return hasher.hash().asLong();
  }

  /** First position of a row's values in {@link #ids(int)}. */
  public int start(int slot, int row) {
    return starts[slot][row];
  }

  /** One past the last position of a row's values in {@link #ids(int)}. */
  public int end(int slot, int row) {
    return ends[slot][row];
  }

  /**
   * Table rows of a slot in the order they were added; only the first {@link #count(int)} count.
   * Not a copy.
   */
  public int[] ids(int slot) {
    return ids[slot];
  }

  /** Values of a slot over all rows. */
  public int count(int slot) {
    return counts[slot];
  }

  /** Dense numbers, [rows, denseWidth] row-major; not a copy and possibly longer. */
  public float[] dense() {
    return dense;
  }
}
