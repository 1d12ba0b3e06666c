package io.tandem.evaluation;

/** Scores of all items for some queries: what an evaluation ranks. */
public interface Ranker {
  /** Number of items. */
  int items();

  /**
   * Scores every item for queries {@code from} until {@code to} of the list being evaluated.
   *
   * @param scores receives [(to − from) × items] row-major
   */
  void score(int from, int to, float[] scores);
}
