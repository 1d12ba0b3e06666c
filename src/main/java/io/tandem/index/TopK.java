package io.tandem.index;

import java.util.Arrays;
import java.util.function.IntPredicate;

/**
 * Receives the hits of one search, best first; reused between searches and grown when needed. Not
 * thread-safe.
 */
public final class TopK {
  private int[] rows = new int[128];
  private float[] scores = new float[128];
  private int size;
  private long scanned;

  /** Hits of the last search. */
  public int size() {
    return size;
  }

  /** Row of a hit. */
  public int row(int rank) {
    return rows[rank];
  }

  /** Dot product of a hit. */
  public float score(int rank) {
    return scores[rank];
  }

  /**
   * Vectors or codes that the last search compared with the query: in inverted lists all of those
   * in the lists that were looked into. 0 where the index does not count them.
   */
  public long scanned() {
    return scanned;
  }

  /** Says what a search compared, which {@link #reset} forgets. */
  public void scanned(long compared) {
    scanned = compared;
  }

  /** Forgets all hits and makes room for some. */
  public void reset(int capacity) {
    if (rows.length < capacity) {
      int length = Math.max(capacity, rows.length * 2);
      rows = new int[length];
      scores = new float[length];
    }
    size = 0;
    scanned = 0;
  }

  /** Forgets all hits from a rank on. */
  public void truncate(int length) {
    size = Math.min(size, length);
  }

  /** Forgets the hits of some rows; the others keep their order. */
  public void removeIf(IntPredicate unwanted) {
    int kept = 0;
    for (int i = 0; i < size; i++) {
      if (!unwanted.test(rows[i])) {
        rows[kept] = rows[i];
        scores[kept++] = scores[i];
      }
    }
    size = kept;
  }

  /**
   * Puts runs of equal scores in order of their rows. The hits must be in order of their scores, as
   * an index returns them.
   */
  public void sortTies() {
    int from = 0;
    for (int i = 1; i <= size; i++) {
      if (i == size || scores[i] != scores[from]) {
        if (i - from > 1) {
          Arrays.sort(rows, from, i);
        }
        from = i;
      }
    }
  }

  /**
   * Keeps the best hits of those offered, in no order until {@link #sort}. Room for {@code limit}
   * must have been made by {@link #reset}.
   */
  public void offer(int row, float score, int limit) {
    if (size < limit) {
      rows[size] = row;
      scores[size] = score;
      up(size++);
    } else if (before(score, row, scores[0], rows[0])) {
      rows[0] = row;
      scores[0] = score;
      down(size);
    }
  }

  /** Orders hits that were offered: higher scores first, equal scores by lower row. */
  public void sort() {
    for (int end = size - 1; end > 0; end--) {
      swap(0, end);
      down(end);
    }
  }

  // A heap with the worst hit at its root.

  private void up(int at) {
    int child = at;
    while (child > 0) {
      int parent = (child - 1) / 2;
      if (!before(scores[parent], rows[parent], scores[child], rows[child])) {
        return;
      }
      swap(parent, child);
      child = parent;
    }
  }

  private void down(int end) {
    int parent = 0;
    while (2 * parent + 1 < end) {
      int child = 2 * parent + 1;
      if (child + 1 < end
          && before(scores[child], rows[child], scores[child + 1], rows[child + 1])) {
        child++;
      }
      if (!before(scores[parent], rows[parent], scores[child], rows[child])) {
        return;
      }
      swap(parent, child);
      parent = child;
    }
  }

  private static boolean before(float score, int row, float otherScore, int otherRow) {
    return score > otherScore || (score == otherScore && row < otherRow);
  }

  private void swap(int i, int j) {
    int row = rows[i];
    rows[i] = rows[j];
    rows[j] = row;
    float score = scores[i];
    scores[i] = scores[j];
    scores[j] = score;
  }

  /** Appends a hit; the caller keeps the order. Room must have been made by {@link #reset}. */
  public void add(int row, float score) {
    rows[size] = row;
    scores[size++] = score;
  }
}
