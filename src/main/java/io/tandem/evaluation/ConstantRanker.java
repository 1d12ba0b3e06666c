package io.tandem.evaluation;

/** The same scores for every query, such as how popular items are. */
public final class ConstantRanker implements Ranker {
  private final float[] itemScores;

  /**
   * @param itemScores [items]
   */
  public ConstantRanker(float[] itemScores) {
    this.itemScores = itemScores.clone();
  }

  @Override
  public int items() {
    return itemScores.length;
  }

  @Override
  public void score(int from, int to, float[] scores) {
    for (int query = 0; query < to - from; query++) {
      System.arraycopy(itemScores, 0, scores, query * itemScores.length, itemScores.length);
    }
  }
}
