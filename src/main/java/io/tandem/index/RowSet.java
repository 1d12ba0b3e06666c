package io.tandem.index;

import java.nio.LongBuffer;
import java.util.Arrays;

/**
 * A set of row numbers below a bound: which rows a search may return. Immutable; safe for any
 * number of threads and worth keeping where the same filter is asked again.
 *
 * <p>One bit a row: row r is a member where bit {@code r % 64} of word {@code r / 64} is set.
 */
public final class RowSet {
  private final long[] words;
  private final int bound;
  private final int cardinality;

  private RowSet(long[] words, int bound) {
    this.words = words;
    this.bound = bound;
    int count = 0;
    for (long word : words) {
      count += Long.bitCount(word);
    }
    cardinality = count;
  }

  /**
   * The given rows.
   *
   * @param bound number of rows there are
   * @param rows in any order, each from 0 and below {@code bound}; repetition is harmless
   */
  public static RowSet of(int bound, int... rows) {
    long[] words = new long[wordsFor(bound)];
    for (int row : rows) {
      words[checked(row, bound) >> 6] |= 1L << row;
    }
    return new RowSet(words, bound);
  }

  /**
   * Every row but the given ones.
   *
   * @param bound number of rows there are
   * @param rows holds the rows to leave out in its first {@code count} places
   */
  public static RowSet allBut(int bound, int[] rows, int count) {
    long[] words = new long[wordsFor(bound)];
    Arrays.fill(words, -1L);
    if ((bound & 63) != 0) {
      words[words.length - 1] = (1L << bound) - 1;
    }
    for (int i = 0; i < count; i++) {
      words[checked(rows[i], bound) >> 6] &= ~(1L << rows[i]);
    }
    return new RowSet(words, bound);
  }

  /** Rows that are in both sets, which must have the same bound. */
  public RowSet and(RowSet other) {
    if (other.bound != bound) {
      throw new IllegalArgumentException(
          "expected a set of rows below %d, found one below %d".formatted(bound, other.bound));
    }
    long[] both = words.clone();
    for (int i = 0; i < both.length; i++) {
      both[i] &= other.words[i];
    }
    return new RowSet(both, bound);
  }

  /** Number of rows there are, members or not. */
  public int bound() {
    return bound;
  }

  /** Number of members. */
  public int cardinality() {
    return cardinality;
  }

  /** Whether a row is a member. */
  public boolean contains(int row) {
    return row >= 0 && row < bound && (words[row >> 6] & 1L << row) != 0;
  }

  /** The smallest member that is at least {@code from}, or -1. */
  public int next(int from) {
    if (from >= bound) {
      return -1;
    }
    int at = from >> 6;
    long word = words[at] & -1L << from;
    while (word == 0) {
      if (++at == words.length) {
        return -1;
      }
      word = words[at];
    }
    return (at << 6) + Long.numberOfTrailingZeros(word);
  }

  /** Number of words of the bit set: what {@link #copyTo} needs room for. */
  public int words() {
    return words.length;
  }

  /** Copies the bit set, for an index that reads it as bits; allocates nothing. */
  public void copyTo(LongBuffer target) {
    target.put(0, words);
  }

  private static int wordsFor(int bound) {
    return (bound + 63) >>> 6;
  }

  private static int checked(int row, int bound) {
    if (row < 0 || row >= bound) {
      throw new IndexOutOfBoundsException(
          "expected a row from 0 and below %d, found %d".formatted(bound, row));
    }
    return row;
  }
}
