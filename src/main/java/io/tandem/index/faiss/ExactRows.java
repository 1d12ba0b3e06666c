package io.tandem.index.faiss;

import io.tandem.faiss.Faiss;
import io.tandem.faiss.binding.IndexFlat;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.RowSet;
import io.tandem.index.TopK;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import org.jspecify.annotations.Nullable;

/** Exact search over the whole vectors that an index keeps, all of them or chosen rows. */
final class ExactRows {
  /** Rows scored in one call. */
  private static final int LISTED = 4096;

  private final IndexFlat vectors;
  private final int size;

  /**
   * @param vectors belongs to the index
   */
  ExactRows(IndexFlat vectors, int size) {
    this.vectors = vectors;
    this.size = size;
  }

  /** The best of all rows; which of several equal ones are kept at the cut is left open. */
  void search(SearchBuffers buffers, int take, TopK result) {
    buffers.reserve(take);
    Faiss.run(
        () ->
            faiss.search(
                vectors,
                1,
                buffers.queryPointer,
                take,
                0,
                null,
                buffers.scoresPointer(),
                buffers.labelsPointer()));
    buffers.collect(0, take, result);
  }

  /** The best of the allowed rows, each of which is scored. */
  void search(SearchBuffers buffers, int take, RowSet allowed, TopK result) {
    buffers.reserve(LISTED);
    result.reset(take);
    int row = allowed.next(0);
    while (row >= 0) {
      int count = 0;
      LongBuffer labels = buffers.labels();
      for (; row >= 0 && count < LISTED; row = allowed.next(row + 1)) {
        labels.put(count++, row);
      }
      scoreListed(buffers, count);
      FloatBuffer scores = buffers.scores();
      for (int i = 0; i < count; i++) {
        result.offer((int) labels.get(i), scores.get(i), take);
      }
    }
    result.sort();
  }

  /**
   * Equal scores lie on both sides of the cut and FAISS kept any of them: keeps those of the lowest
   * rows. Both kernels of FAISS that are used here round alike.
   */
  void settleCut(SearchBuffers buffers, int take, @Nullable RowSet allowed, TopK result) {
    float cut = result.score(take);
    int above = 0;
    while (result.score(above) != cut) {
      above++;
    }
    int wanted = take - above;
    int[] ties = new int[wanted];
    int found = 0;
    buffers.reserve(LISTED);
    for (int from = 0; from < size && found < wanted; from += LISTED) {
      int count = Math.min(LISTED, size - from);
      for (int i = 0; i < count; i++) {
        buffers.labels().put(i, from + i);
      }
      scoreListed(buffers, count);
      for (int i = 0; i < count && found < wanted; i++) {
        if (buffers.scores().get(i) == cut && (allowed == null || allowed.contains(from + i))) {
          ties[found++] = from + i;
        }
      }
    }
    if (found == wanted) {
      result.truncate(above);
      for (int row : ties) {
        result.add(row, cut);
      }
    }
  }

  private void scoreListed(SearchBuffers buffers, int count) {
    Faiss.run(
        () ->
            vectors.compute_distance_subset(
                1, buffers.queryPointer, count, buffers.scoresPointer(), buffers.labelsPointer()));
  }
}
