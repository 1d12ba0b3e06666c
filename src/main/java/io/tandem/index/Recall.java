package io.tandem.index;

/** How much of the truth an approximate index finds. */
public final class Recall {
  /**
   * Rounding between one exact kernel and another, relative to the score: a hit this close below
   * the last exact one is its equal.
   */
  private static final float ROUNDING = 1e-5f;

  private Recall() {}

  /**
   * The mean over queries of the share of the exact top k that was found. A hit counts where its
   * exact score is at least that of the k-th exact hit, so that which of several equal items was
   * returned makes no difference.
   *
   * @param exact [n × k] scores of exact search, best first
   * @param found [n × k] scores of the search under test
   * @param rows [n × k] rows that the search under test returned, -1 for none
   */
  public static double of(float[] exact, float[] found, int[] rows, int n, int k) {
    long hits = 0;
    for (int query = 0; query < n; query++) {
      float last = exact[query * k + k - 1];
      float least = last - Math.abs(last) * ROUNDING;
      for (int i = query * k; i < (query + 1) * k; i++) {
        if (rows[i] >= 0 && found[i] >= least) {
          hits++;
        }
      }
    }
    return n == 0 ? 1 : (double) hits / ((long) n * k);
  }
}
