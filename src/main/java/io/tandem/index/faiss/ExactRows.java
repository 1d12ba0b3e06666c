package io.tandem.index.faiss;

import io.tandem.faiss.Faiss;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.TopK;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.jspecify.annotations.Nullable;

/**
 * Exact search over single rows, all of them or chosen ones: by whole vectors where those are kept,
 * else as exact as the index's codes are. Equal scores by lower row, also at the cut.
 */
final class ExactRows {
  private final Index index;
  private final @Nullable FloatPointer vectors;

  /**
   * @param vectors kept beside the index, or null for those within
   */
  ExactRows(Index index, @Nullable FloatPointer vectors) {
    this.index = index;
    this.vectors = vectors;
  }

  /** Whether an index can score single rows by what it keeps itself. */
  static boolean within(Index index) {
    return Faiss.call(() -> faiss.scores_rows(index));
  }

  /**
   * The best rows for the query in the buffers.
   *
   * @param bits the allowed rows, or null for all
   */
  void search(
      SearchBuffers buffers, int take, @Nullable BytePointer bits, long bytes, TopK result) {
    buffers.reserve(take);
    Faiss.run(
        () ->
            faiss.search_rows(
                index,
                vectors,
                buffers.queryPointer,
                take,
                bits,
                bytes,
                buffers.scoresPointer(),
                buffers.labelsPointer()));
    buffers.collect(0, take, result);
  }
}
