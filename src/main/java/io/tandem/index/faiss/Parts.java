package io.tandem.index.faiss;

import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissException;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.IndexFlat;
import io.tandem.faiss.binding.IndexHNSW;
import io.tandem.faiss.binding.IndexIVF;
import io.tandem.faiss.binding.global.faiss;
import org.jspecify.annotations.Nullable;

/**
 * What an index is made of, as far as searching it differs; all of it belongs to the index.
 *
 * @param vectors the whole vectors, where they are kept as they were added
 * @param graph what is walked, where it is a graph
 * @param lists the inverted lists, also behind a transform, where it has them
 * @param filters whether a search takes a filter and its effort; some types refuse
 */
record Parts(
    @Nullable IndexFlat vectors,
    @Nullable IndexHNSW graph,
    @Nullable IndexIVF lists,
    boolean filters) {

  static Parts of(Index index) {
    // A graph or vectors behind a transform are of another space than queries.
    IndexHNSW graph = faiss.graph(index);
    boolean walked = graph != null && graph.address() == index.address();
    IndexFlat vectors = faiss.flat(graph != null && walked ? graph.storage() : index);
    boolean whole = walked || (vectors != null && vectors.address() == index.address());
    return new Parts(
        whole ? vectors : null,
        walked ? graph : null,
        faiss.inverted_file(index),
        takesFilters(index));
  }

  /** Whether vectors are all there is. */
  boolean isFlat() {
    return vectors != null && graph == null;
  }

  /** Asks the index itself: types that take no search parameters say so when they get some. */
  private static boolean takesFilters(Index index) {
    byte[] none = new byte[Long.BYTES];
    try {
      Faiss.run(
          () ->
              faiss.search_bitmap(
                  index,
                  1,
                  new float[index.d()],
                  1,
                  1,
                  none,
                  none.length,
                  new float[1],
                  new long[1]));
      return true;
    } catch (FaissException e) {
      return false;
    }
  }
}
