package io.tandem.index;

/**
 * Receives the hits of one search, best first; reused between searches and grown when needed. Not
 * thread-safe.
 */
public final class TopK {
  private int[] rows = new int[128];
  private float[] scores = new float[128];
  private int size;

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

  /** Forgets all hits and makes room for some. */
  public void reset(int capacity) {
    if (rows.length < capacity) {
      int length = Math.max(capacity, rows.length * 2);
      rows = new int[length];
      scores = new float[length];
    }
    size = 0;
  }

  /** Appends a hit; the caller keeps the order. Room must have been made by {@link #reset}. */
  public void add(int row, float score) {
    rows[size] = row;
    scores[size++] = score;
  }
}
