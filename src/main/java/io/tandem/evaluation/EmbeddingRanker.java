package io.tandem.evaluation;

import io.tandem.backend.HostMemory;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Scores by dot products of embeddings, a block of queries in one matrix product. */
public final class EmbeddingRanker implements Ranker {
  private final INDArray queries;
  private final INDArray items;

  /**
   * @param queries [n × dim] row-major
   * @param items [items × dim] row-major
   */
  public EmbeddingRanker(float[] queries, float[] items, int dim) {
    if (dim < 1 || queries.length % dim != 0 || items.length % dim != 0) {
      throw new IllegalArgumentException(
          "%d and %d numbers are not rows of %d".formatted(queries.length, items.length, dim));
    }
    this.queries = matrix(queries, dim);
    this.items = matrix(items, dim);
  }

  private EmbeddingRanker(INDArray queries, INDArray items) {
    this.queries = queries;
    this.items = items;
  }

  /**
   * Other queries over the same items, which are not copied again.
   *
   * @param others [n × dim] row-major
   */
  public EmbeddingRanker withQueries(float[] others) {
    int dim = (int) items.size(1);
    if (others.length % dim != 0) {
      throw new IllegalArgumentException(
          "%d numbers are not rows of %d".formatted(others.length, dim));
    }
    return new EmbeddingRanker(matrix(others, dim), items);
  }

  @Override
  public int items() {
    return (int) items.size(0);
  }

  @Override
  public void score(int from, int to, float[] scores) {
    INDArray block = queries.get(NDArrayIndex.interval(from, to), NDArrayIndex.all());
    INDArray result =
        Nd4j.createUninitialized(DataType.FLOAT, new long[] {items(), to - from}, 'f');
    Nd4j.gemm(items, block, result, false, true, 1, 0);
    HostMemory.get(result, scores, 0, items() * (to - from));
    result.close();
  }

  private static INDArray matrix(float[] values, int dim) {
    INDArray matrix =
        Nd4j.createUninitialized(DataType.FLOAT, new long[] {values.length / dim, dim}, 'c');
    HostMemory.put(matrix, values, values.length);
    return matrix;
  }
}
