package io.tandem.feature;

import com.google.common.hash.HashFunction;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.util.Arrays;
import java.util.List;

/**
 * Inputs of some rows for one tower: for each slot the table rows of its values, and the dense
 * numbers. Grows as needed and is reused: {@link #clear()} keeps the memory. Not thread-safe.
 *
 * <p>Rows are appended: for each slot in order {@link #add}, then {@link #endSlot} once per row and
 * slot; dense numbers by {@link #addDense}; then {@link #endRow}. Several may be appended side by
 * side, slot by slot, and ended together by {@link #endRows}.
 */
public final class FeatureBatch {
  private static final HashFunction HASH = Hashing.murmur3_128();

  private final InputSchema schema;
  private final SlotRows[] slots;
  private float[] dense;
  private int denseCount;
  private int rows;

  public FeatureBatch(InputSchema schema) {
    this.schema = schema;
    slots = new SlotRows[schema.slots().size()];
    Arrays.setAll(slots, slot -> new SlotRows());
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
    for (SlotRows slot : slots) {
      slot.clear();
    }
    denseCount = 0;
    rows = 0;
  }

  /** Adds a table row to a slot of the row being appended. */
  public void add(int slot, int id) {
    slots[slot].add(id);
  }

  /** Ends a slot of the row being appended with what was added since; a slot may be empty. */
  public void endSlot(int slot) {
    slots[slot].endRow();
  }

  /**
   * Ends a slot of the row being appended with values that were added before, as rows that see
   * prefixes of one sequence share them.
   *
   * @param start position of its first value in {@link #ids(int)}
   * @param end one past that of its last
   */
  public void endSlot(int slot, int start, int end) {
    slots[slot].endRow(start, end);
  }

  /** No row to come shares values with those before. */
  public void endSharing() {
    for (SlotRows slot : slots) {
      slot.endSharing();
    }
  }

  /** Makes a row's values of a slot one value. */
  public void replace(int slot, int row, int id) {
    int[] ids = ids(slot);
    for (int i = start(slot, row); i < end(slot, row); i++) {
      ids[i] = id;
    }
  }

  /** Adds the next dense number of the row being appended. */
  public void addDense(float value) {
    if (denseCount == dense.length) {
      dense = Arrays.copyOf(dense, SlotRows.grown(denseCount, denseCount + 1L));
    }
    dense[denseCount++] = value;
  }

  /**
   * Ends the row being appended.
   *
   * @throws IllegalStateException if its dense numbers are not as many as the schema says
   */
  public void endRow() {
    endRows(1);
  }

  /**
   * Ends rows that were appended side by side: for each slot in order all of them, then their dense
   * numbers row by row.
   *
   * @throws IllegalStateException if the dense numbers are not as many as the schema says
   */
  public void endRows(int added) {
    int width = schema.denseWidth();
    int before = rows * width;
    rows += added;
    if (denseCount != rows * width) {
      throw new IllegalStateException(
          "rows %d until %d have %d dense numbers, expected %d each"
              .formatted(rows - added, rows, denseCount - before, width));
    }
  }

  /** Appends one row of another batch of the same schema. */
  public void append(FeatureBatch source, int row) {
    for (int slot = 0; slot < slots.length; slot++) {
      slots[slot].append(source.slots[slot], row);
    }
    appendDense(source, row, 0, schema.denseWidth());
    endRow();
  }

  /**
   * Appends rows of another batch of the same schema as if one after the other; many of them on
   * several threads.
   *
   * @param sourceRows numbers of the rows, of which the first {@code count} count
   */
  public void append(FeatureBatch source, int[] sourceRows, int count) {
    RowChunks.forEach(
        slots.length, count, slot -> slots[slot].append(source.slots[slot], sourceRows, count));
    makeDenseRoom(count);
    RowChunks chunks = new RowChunks(schema.denseWidth() == 0 ? 0 : count);
    chunks.forEach(
        chunk -> {
          for (int i = chunks.from(chunk); i < chunks.to(chunk); i++) {
            fillDense(source, sourceRows[i], 1, rows + i);
          }
        });
    denseCount += count * schema.denseWidth();
    endRows(count);
  }

  /**
   * Appends all rows of other batches of the same schema in their order; many of them on several
   * threads. What rows share in their batch they share here.
   */
  public void append(List<FeatureBatch> parts) {
    int[] firsts = new int[parts.size() + 1];
    for (int part = 0; part < parts.size(); part++) {
      firsts[part + 1] = firsts[part] + parts.get(part).rows;
    }
    int added = firsts[parts.size()];
    RowChunks.forEach(
        slots.length,
        added,
        slot ->
            slots[slot].append(
                parts.stream().map(part -> part.slots[slot]).toArray(SlotRows[]::new)));
    makeDenseRoom(added);
    RowChunks.forEach(
        parts.size(),
        added,
        part -> fillDense(parts.get(part), 0, parts.get(part).rows, rows + firsts[part]));
    denseCount += added * schema.denseWidth();
    endRows(added);
  }

  /**
   * Appends and ends one slot of the rows being appended, from a slot of another batch.
   *
   * @param sourceRows numbers of the rows there, one for each row being appended
   */
  public void appendSlot(int slot, FeatureBatch source, int sourceSlot, int[] sourceRows) {
    slots[slot].append(source.slots[sourceSlot], sourceRows, sourceRows.length);
  }

  /** Appends dense numbers {@code from} until {@code to} of another batch's row. */
  public void appendDense(FeatureBatch source, int row, int from, int to) {
    int start = row * source.schema.denseWidth();
    for (int i = start + from; i < start + to; i++) {
      addDense(source.dense[i]);
    }
  }

  private void makeDenseRoom(int added) {
    long needed = ((long) rows + added) * schema.denseWidth();
    if (needed > dense.length) {
      dense = Arrays.copyOf(dense, SlotRows.grown(dense.length, needed));
    }
  }

  private void fillDense(FeatureBatch source, int sourceRow, int count, int row) {
    int width = schema.denseWidth();
    System.arraycopy(source.dense, sourceRow * width, dense, row * width, count * width);
  }

  /**
   * A hash of everything a row holds (murmur3, 64 of its bits): rows of equal input have the same,
   * whatever batch they are in.
   */
  public long hash(int row) {
    Hasher hasher = HASH.newHasher();
    for (int slot = 0; slot < slots.length; slot++) {
      int from = start(slot, row);
      int to = end(slot, row);
      hasher.putInt(to - from);
      for (int i = from; i < to; i++) {
        hasher.putInt(ids(slot)[i]);
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
    return slots[slot].start(row);
  }

  /** One past the last position of a row's values in {@link #ids(int)}. */
  public int end(int slot, int row) {
    return slots[slot].end(row);
  }

  /**
   * Table rows of a slot in the order they were added; only the first {@link #count(int)} count.
   * Not a copy.
   */
  public int[] ids(int slot) {
    return slots[slot].ids();
  }

  /** Values of a slot over all rows. */
  public int count(int slot) {
    return slots[slot].count();
  }

  /** Dense numbers, [rows, denseWidth] row-major; not a copy and possibly longer. */
  public float[] dense() {
    return dense;
  }
}
