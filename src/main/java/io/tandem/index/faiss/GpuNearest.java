package io.tandem.index.faiss;

import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissGpu;
import io.tandem.faiss.Metric;
import io.tandem.faiss.binding.Index;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Exact search for the largest dot products on a GPU: a whole corpus for a batch of queries, as
 * mining of hard negatives asks. One thread at a time; whoever opened it closes it.
 */
public final class GpuNearest implements AutoCloseable {
  /** Most results of a query. */
  public static final int MAX_K = 2048;

  private final int dimension;
  private final Index index;

  private GpuNearest(int dimension, Index index) {
    this.dimension = dimension;
    this.index = index;
  }

  /**
   * Opens it where FAISS can use a GPU that has room.
   *
   * @param rows that it is to hold
   * @return null elsewhere; {@link #problem} says why
   */
  public static @Nullable GpuNearest open(int dimension, int rows) {
    Index index = FaissGpu.flat(dimension, rows, Metric.INNER_PRODUCT);
    return index == null ? null : new GpuNearest(dimension, index);
  }

  /** Why no GPU is used. */
  public static String problem() {
    String problem = FaissGpu.problem();
    return problem == null ? "the GPU has no room" : problem;
  }

  /**
   * Replaces what is searched.
   *
   * @param vectors [n × dimension] row-major
   */
  public void set(float[] vectors, int n) {
    check("vectors", vectors, n);
    Faiss.run(index::reset);
    Faiss.run(() -> index.add(n, vectors));
  }

  /**
   * For each query the rows with the largest dot products, best first.
   *
   * @param queries [n × dimension] row-major
   * @param k from 1 to {@link #MAX_K}; lists are shorter where there are fewer rows
   */
  public int[][] top(float[] queries, int n, int k) {
    check("queries", queries, n);
    if (k < 1 || k > MAX_K) {
      throw new IllegalArgumentException("k (%d) must be from 1 to %d".formatted(k, MAX_K));
    }
    int most = (int) Math.min(k, index.ntotal());
    if (n == 0 || most == 0) {
      return new int[n][0];
    }
    float[] scores = new float[n * most];
    long[] rows = new long[n * most];
    Faiss.run(() -> index.search(n, queries, most, scores, rows));
    int[][] lists = new int[n][];
    for (int query = 0; query < n; query++) {
      lists[query] =
          Arrays.stream(rows, query * most, (query + 1) * most)
              .filter(row -> row >= 0)
              .mapToInt(Math::toIntExact)
              .toArray();
    }
    return lists;
  }

  private void check(String what, float[] values, int n) {
    if (n < 0 || values.length < (long) n * dimension) {
      throw new IllegalArgumentException(
          "%s: expected %d rows of %d, found %d numbers"
              .formatted(what, n, dimension, values.length));
    }
  }

  @Override
  public void close() {
    index.close();
  }
}
