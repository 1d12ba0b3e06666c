package io.tandem.evaluation;

import java.util.stream.IntStream;

/**
 * Ranks the full corpus for every query. Higher scores first; equal scores count against the model:
 * a relevant item stands behind every irrelevant item of the same score, and else the lower number
 * first, so that constant scores earn nothing and results do not depend on chance. A score that is
 * not a number is the lowest.
 */
public final class Ranking {
  /** Scores that are held at a time. */
  private static final int BLOCK = 1 << 22;

  private Ranking() {}

  /**
   * What is asked of a ranker.
   *
   * @param relevant for each query, the distinct items that count
   * @param excluded for each query, items taken out of the ranking (such as those seen before), or
   *     an empty array
   */
  public record Question(int[][] relevant, int[][] excluded) {}

  /**
   * The best items of each query, best first; runs on all cores, a block of queries at a time.
   *
   * @param k at least 1; lists are shorter only where fewer items are left
   */
  public static int[][] top(Ranker ranker, Question question, int k) {
    if (k < 1) {
      throw new IllegalArgumentException("k (" + k + ") must be > 0");
    }
    int queries = question.relevant().length;
    int items = ranker.items();
    int[][] lists = new int[queries][];
    int block = Math.max(1, Math.min(Math.max(1, queries), BLOCK / Math.max(1, items)));
    float[] scores = new float[block * items];
    ThreadLocal<Selection> selections =
        ThreadLocal.withInitial(() -> new Selection(items, Math.min(k, items)));
    for (int from = 0; from < queries; from += block) {
      int first = from;
      int to = Math.min(queries, from + block);
      ranker.score(from, to, scores);
      IntStream.range(from, to)
          .parallel()
          .forEach(
              query ->
                  lists[query] =
                      selections
                          .get()
                          .select(
                              scores,
                              (query - first) * items,
                              question.relevant()[query],
                              question.excluded()[query]));
    }
    return lists;
  }

  /** The k best of one query's scores: a heap whose root is the worst of them. */
  private static final class Selection {
    private static final byte RELEVANT = 1;
    private static final byte EXCLUDED = 2;

    private final int items;
    private final byte[] marks;
    private final int[] heap;
    private final float[] values;
    private int size;

    Selection(int items, int k) {
      this.items = items;
      marks = new byte[items];
      heap = new int[k];
      values = new float[k];
    }

    int[] select(float[] scores, int at, int[] relevant, int[] excluded) {
      for (int item : relevant) {
        marks[item] = RELEVANT;
      }
      for (int item : excluded) {
        marks[item] = EXCLUDED;
      }
      size = 0;
      for (int item = 0; item < items; item++) {
        float score = scores[at + item];
        if (size == heap.length && !(score >= values[0])) {
          continue;
        }
        if (marks[item] != EXCLUDED) {
          offer(item, Float.isNaN(score) ? Float.NEGATIVE_INFINITY : score);
        }
      }
      int[] list = new int[size];
      for (int place = size - 1; place >= 0; place--) {
        list[place] = heap[0];
        size--;
        siftDown(heap[size], values[size]);
      }
      for (int item : relevant) {
        marks[item] = 0;
      }
      for (int item : excluded) {
        marks[item] = 0;
      }
      return list;
    }

    private void offer(int item, float score) {
      if (size < heap.length) {
        siftUp(item, score);
      } else if (better(item, score, heap[0], values[0])) {
        siftDown(item, score);
      }
    }

    private void siftUp(int item, float score) {
      int place = size++;
      while (place > 0) {
        int parent = (place - 1) / 2;
        if (!better(heap[parent], values[parent], item, score)) {
          break;
        }
        heap[place] = heap[parent];
        values[place] = values[parent];
        place = parent;
      }
      heap[place] = item;
      values[place] = score;
    }

    /** Puts an item where the root was. */
    private void siftDown(int item, float score) {
      int place = 0;
      while (2 * place + 1 < size) {
        int child = 2 * place + 1;
        if (child + 1 < size
            && better(heap[child], values[child], heap[child + 1], values[child + 1])) {
          child++;
        }
        if (!better(item, score, heap[child], values[child])) {
          break;
        }
        heap[place] = heap[child];
        values[place] = values[child];
        place = child;
      }
      if (heap.length > 0) {
        heap[place] = item;
        values[place] = score;
      }
    }

    private boolean better(int a, float scoreA, int b, float scoreB) {
      if (scoreA != scoreB) {
        return scoreA > scoreB;
      }
      return marks[a] != marks[b] ? marks[a] < marks[b] : a < b;
    }
  }
}
