package io.tandem.loss;

import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The items that every row of a batch is scored against, a column each.
 *
 * <p>An item that was drawn several times is one column that counts several times: with c draws,
 * Σ_j e^s_j over the draws is Σ_j c_j e^s_j over the columns. Its embedding is computed once.
 *
 * @param items [candidates] the item of each column; embeddings kept from earlier steps may repeat
 *     an item
 * @param counts [candidates] times that the item was drawn as a negative; 0 for items that are
 *     nothing but some row's positive
 * @param logQ [candidates] log of the probability that a draw gives the item, or null for no
 *     correction
 * @param accidentalHits what a row's own item is beside its positive
 */
public record Candidates(
    int[] items, float[] counts, float @Nullable [] logQ, AccidentalHits accidentalHits) {

  /** What becomes of draws of a row's own item as a negative. */
  public enum AccidentalHits {
    /** They are left out of its softmax. */
    MASKED,
    /** They count as negatives. */
    KEPT
  }

  public Candidates(
      int[] items, float[] counts, float @Nullable [] logQ, AccidentalHits accidentalHits) {
    if (items.length == 0
        || counts.length != items.length
        || (logQ != null && logQ.length != items.length)) {
      throw new IllegalArgumentException(
          "expected as many counts and corrections as there are items, %d of at least 1, found %d and %s"
              .formatted(items.length, counts.length, logQ == null ? "none" : logQ.length));
    }
    this.items = items;
    this.counts = counts;
    this.logQ = logQ;
    this.accidentalHits = accidentalHits;
  }

  /** All items, each once: full softmax. */
  public static Candidates all(int items) {
    int[] numbers = new int[items];
    float[] counts = new float[items];
    for (int item = 0; item < items; item++) {
      numbers[item] = item;
      counts[item] = 1;
    }
    return new Candidates(numbers, counts, null, AccidentalHits.MASKED);
  }

  /** Number of columns. */
  public int size() {
    return items.length;
  }

  /** Columns of the same item linked to rings, or null where each item has one column. */
  int @Nullable [] rings() {
    Int2IntOpenHashMap last = new Int2IntOpenHashMap(items.length);
    last.defaultReturnValue(-1);
    int @Nullable [] next = null;
    for (int column = 0; column < items.length; column++) {
      int before = last.put(items[column], column);
      if (before >= 0) {
        next = next == null ? identity(items.length) : next;
        next[column] = next[before];
        next[before] = column;
      }
    }
    return next;
  }

  private static int[] identity(int length) {
    int[] numbers = new int[length];
    for (int i = 0; i < length; i++) {
      numbers[i] = i;
    }
    return numbers;
  }
}
