package io.tandem.baseline;

import io.tandem.data.Interactions;

/** Ranks items by how often they were touched in training, the same for every query. */
public final class Popularity {
  private Popularity() {}

  /** [items] scores: the training interactions of each item. */
  public static float[] scores(Interactions train, int items) {
    long[] counts = train.itemCounts(items);
    float[] scores = new float[items];
    for (int item = 0; item < items; item++) {
      scores[item] = counts[item];
    }
    return scores;
  }
}
