package io.tandem.index;

/**
 * Vectors, numbered by row from 0, and the search for those with the largest dot product.
 *
 * <p>Searching is safe for any number of threads and takes no lock; every thread brings its own
 * {@link TopK}. Closing frees native memory: no search may be running then or start afterwards.
 */
public interface VectorIndex extends AutoCloseable {
  /** Number of vectors. */
  int size();

  /** Width of every vector. */
  int dimension();

  /** FAISS's name of the structure, such as {@code Flat} or {@code HNSW32}. */
  String type();

  /**
   * Finds the rows nearest to a query, best first, equal scores by lower row.
   *
   * @param query [dimension], finite
   * @param k at least 1; where k is above {@link #size()}, all rows are returned
   * @param result receives at most k hits; fewer only where fewer exist or an approximate index
   *     finds no more; is told how many vectors or codes were compared
   * @throws IllegalArgumentException for a query of another length or with a NaN, or k below 1
   */
  void search(float[] query, int k, TopK result);

  /**
   * Finds the nearest among some rows, best first, equal scores by lower row.
   *
   * @param query [dimension], finite
   * @param k at least 1
   * @param allowed the rows that may be returned, of bound {@link #size()}
   * @param result receives min(k, number of allowed rows) hits, also where the structure alone
   *     would not have found that many; fewer only from a structure that can neither be filtered
   *     nor searched whole
   * @throws IllegalArgumentException as above, or for a set of another bound
   */
  void search(float[] query, int k, RowSet allowed, TopK result);

  /**
   * Finds the nearest rows for many queries at once, on all threads the index may use.
   *
   * @param queries [n × dimension], row-major
   * @param rows receives [n × k]; -1 where fewer than k were found
   * @param scores receives [n × k]; where the row is -1, without meaning
   */
  void search(float[] queries, int n, int k, int[] rows, float[] scores);

  /** Whether vectors are kept as they were added, but for the scaling of cosine's. */
  boolean keepsVectors();

  /**
   * Copies a vector: as it was added where {@link #keepsVectors}, else as decoded from its codes.
   *
   * @param row from 0 and below {@link #size()}
   * @param target receives [dimension]
   */
  void vector(int row, float[] target);

  /** Frees native memory; a second call does nothing. */
  @Override
  void close();
}
