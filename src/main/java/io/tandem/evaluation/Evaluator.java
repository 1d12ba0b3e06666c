package io.tandem.evaluation;

import java.util.List;

/**
 * Ranks the full corpus for every query. Higher scores first; equal scores count against the model:
 * a relevant item stands behind every irrelevant item of the same score, so that constant scores
 * earn nothing.
 */
public final class Evaluator {
  private Evaluator() {}

  /**
   * What is asked of a ranker.
   *
   * @param relevant for each query, the distinct items that count; queries with none are left out
   * @param excluded for each query, items taken out of the ranking (such as those seen before), or
   *     an empty array
   */
  public record Question(int[][] relevant, int[][] excluded) {}

  /** Metrics at each cut-off, in the order asked; runs on {@code threads} threads. */
  public static List<Metrics> evaluate(
      Ranker ranker, Question question, int[] cutoffs, int threads) {
    throw new UnsupportedOperationException("not built yet");
  }
}
