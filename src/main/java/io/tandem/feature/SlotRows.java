package io.tandem.feature;

import java.util.Arrays;

/**
 * The values of one slot, row by row. While every row has one value of its own, as rows of an id
 * have, value r is row r's and nothing else is kept. Not thread-safe.
 */
final class SlotRows {
  /** Largest array that every JVM allows. */
  private static final int LIMIT = Integer.MAX_VALUE - 8;

  private int[] ids = new int[16];
  private int count;
  private int rows;

  /** Where the values begin that no row has yet. */
  private int pending;

  /** Whether row r has value r and no other; starts and ends are not kept then. */
  private boolean single = true;

  private int[] starts = new int[0];
  private int[] ends = new int[0];

  void clear() {
    count = 0;
    rows = 0;
    pending = 0;
    single = true;
  }

  /** Adds a value to the row being appended. */
  void add(int id) {
    if (count == ids.length) {
      ids = Arrays.copyOf(ids, grown(count, count + 1L));
    }
    ids[count++] = id;
  }

  /** Ends a row with what was added since the last. */
  void endRow() {
    endRow(pending, count);
    pending = count;
  }

  /** Ends a row with values that were added before. */
  void endRow(int start, int end) {
    if (!single || start != rows || end != rows + 1) {
      keepStarts(1);
      starts[rows] = start;
      ends[rows] = end;
    }
    rows++;
  }

  /** No row to come shares values with those before. */
  void endSharing() {
    pending = count;
  }

  int start(int row) {
    return single ? row : starts[row];
  }

  int end(int row) {
    return single ? row + 1 : ends[row];
  }

  int[] ids() {
    return ids;
  }

  int count() {
    return count;
  }

  /** Appends one row of another slot. */
  void append(SlotRows source, int row) {
    int end = source.end(row);
    for (int i = source.start(row); i < end; i++) {
      add(source.ids[i]);
    }
    endRow();
  }

  /** Appends the rows of another slot that the first {@code added} numbers name. */
  void append(SlotRows source, int[] sourceRows, int added) {
    RowChunks chunks = new RowChunks(added);
    long[] sizes = new long[chunks.count()];
    chunks.forEach(
        chunk -> sizes[chunk] = source.values(sourceRows, chunks.from(chunk), chunks.to(chunk)));
    int[] begins = reserve(added, sizes, source.single);
    chunks.forEach(
        chunk -> fill(source, sourceRows, chunks.from(chunk), chunks.to(chunk), begins[chunk]));
    rows += added;
  }

  /** Appends all rows of other slots; what the rows of one share stays shared. */
  void append(SlotRows[] parts) {
    long[] sizes = new long[parts.length];
    int[] firsts = new int[parts.length];
    int added = 0;
    boolean singles = true;
    for (int i = 0; i < parts.length; i++) {
      sizes[i] = parts[i].count;
      firsts[i] = rows + added;
      added += parts[i].rows;
      singles &= parts[i].single && parts[i].count == parts[i].rows;
    }
    int[] begins = reserve(added, sizes, singles);
    RowChunks.forEach(parts.length, added, i -> fill(parts[i], firsts[i], begins[i]));
    rows += added;
  }

  /** Values of some rows together. */
  private long values(int[] of, int from, int to) {
    if (single) {
      return (long) to - from;
    }
    long values = 0;
    for (int i = from; i < to; i++) {
      values += ends[of[i]] - starts[of[i]];
    }
    return values;
  }

  /**
   * Makes room for rows in several pieces.
   *
   * @param sizes values of each piece
   * @param singles whether each row has one value
   * @return where the values of each piece begin
   */
  private int[] reserve(int added, long[] sizes, boolean singles) {
    int[] begins = new int[sizes.length];
    long end = count;
    for (int i = 0; i < sizes.length; i++) {
      begins[i] = (int) end;
      end += sizes[i];
    }
    if (!single || !singles || count != rows) {
      keepStarts(added);
    }
    if (end > ids.length) {
      ids = Arrays.copyOf(ids, grown(ids.length, end));
    }
    count = (int) end;
    pending = count;
    return begins;
  }

  private void fill(SlotRows source, int[] sourceRows, int from, int to, int begin) {
    if (single) {
      for (int i = from; i < to; i++) {
        ids[begin + i - from] = source.ids[sourceRows[i]];
      }
      return;
    }
    int at = begin;
    for (int i = from; i < to; i++) {
      starts[rows + i] = at;
      int end = source.end(sourceRows[i]);
      for (int value = source.start(sourceRows[i]); value < end; value++) {
        ids[at++] = source.ids[value];
      }
      ends[rows + i] = at;
    }
  }

  private void fill(SlotRows part, int first, int begin) {
    System.arraycopy(part.ids, 0, ids, begin, part.count);
    if (single) {
      return;
    }
    for (int row = 0; row < part.rows; row++) {
      starts[first + row] = begin + part.start(row);
      ends[first + row] = begin + part.end(row);
    }
  }

  /** Keeps starts and ends from here on; makes room for those of more rows. */
  private void keepStarts(int added) {
    long needed = (long) rows + added;
    if (needed > starts.length) {
      int length = grown(starts.length, needed);
      starts = Arrays.copyOf(starts, length);
      ends = Arrays.copyOf(ends, length);
    }
    for (int row = 0; row < rows && single; row++) {
      starts[row] = row;
      ends[row] = row + 1;
    }
    single = false;
  }

  /** A length of at least what is needed, and of at least twice what there was. */
  static int grown(int length, long needed) {
    if (needed > LIMIT) {
      throw new IllegalStateException("a batch holds at most %d values of a slot".formatted(LIMIT));
    }
    return (int) Math.min(LIMIT, Math.max(needed, Math.max(16, length * 2L)));
  }
}
