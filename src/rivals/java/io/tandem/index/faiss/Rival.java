package io.tandem.index.faiss;

import java.io.IOException;

/** A library that searches the nearest of some vectors by dot product. */
interface Rival extends AutoCloseable {
  /** Links of a vector in every graph; twice as many in the lowest layer. */
  int LINKS = 16;

  /** Candidates looked at while linking, in every graph. */
  int BEAM = 100;

  /** Library, version and structure. */
  String name();

  /** Indexes all vectors, with as many threads as the library uses by itself. */
  void build(Corpus corpus) throws Exception;

  /** Whether {@link #effort} changes anything. */
  default boolean isTunable() {
    return true;
  }

  /**
   * Sets how much searches look at; none may be running.
   *
   * @param candidates at least k
   */
  void effort(int candidates);

  /** What one thread searches with. */
  Searcher searcher() throws Exception;

  /** Megabytes outside the heap: of native memory or of mapped files. */
  double nativeMegabytes();

  @Override
  void close() throws IOException;

  /** Used by one thread. */
  interface Searcher {
    /**
     * Finds the nearest rows.
     *
     * @param rows receives them, in its first places
     * @return how many
     */
    int search(float[] query, int k, int[] rows) throws Exception;
  }
}
