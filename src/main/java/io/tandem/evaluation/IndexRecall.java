package io.tandem.evaluation;

import io.tandem.index.TopK;
import io.tandem.index.VectorIndex;
import java.util.ArrayList;
import java.util.List;

/** What an index finds of what looking at every vector finds. */
public final class IndexRecall {
  /** Scores this near, relative to their size, are of equally good rows. */
  private static final float ROUNDING = 1e-5f;

  private IndexRecall() {}

  /**
   * Mean share of the exact top k that an index finds, with some of its own vectors as queries,
   * evenly spread.
   *
   * @param queries at least 1
   * @param k at least 1
   */
  public static double of(VectorIndex index, int queries, int k) {
    int n = Math.min(queries, index.size());
    int limit = Math.min(k, index.size());
    List<float[]> asked = new ArrayList<>();
    List<TopK> exact = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      float[] query = new float[index.dimension()];
      index.vector((int) ((long) i * index.size() / n), query);
      asked.add(query);
      TopK best = new TopK();
      best.reset(limit);
      exact.add(best);
    }
    float[] vector = new float[index.dimension()];
    for (int row = 0; row < index.size(); row++) {
      index.vector(row, vector);
      for (int i = 0; i < n; i++) {
        exact.get(i).offer(row, dot(asked.get(i), vector), limit);
      }
    }
    double found = 0;
    TopK hits = new TopK();
    for (int i = 0; i < n; i++) {
      exact.get(i).sort();
      index.search(asked.get(i), limit, hits);
      found += share(index, asked.get(i), exact.get(i), hits);
    }
    return found / n;
  }

  /** A row that is as good as the last of the exact ones counts too. */
  private static double share(VectorIndex index, float[] query, TopK exact, TopK hits) {
    float last = exact.score(exact.size() - 1);
    float[] vector = new float[index.dimension()];
    int good = 0;
    for (int rank = 0; rank < hits.size(); rank++) {
      index.vector(hits.row(rank), vector);
      good += dot(query, vector) >= last - ROUNDING * Math.abs(last) ? 1 : 0;
    }
    return Math.min(1, good / (double) exact.size());
  }

  private static float dot(float[] a, float[] b) {
    float sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
