package io.tandem.index.faiss;

import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.IndexFlat;
import io.tandem.faiss.binding.IndexHNSW;
import io.tandem.faiss.binding.IndexIVF;
import org.bytedeco.javacpp.Pointer;

/**
 * The same native index as the class that it is known to be. A view owns nothing.
 *
 * <p>The binding's cast is its constructor of a {@link Pointer}; given an {@link Index}, {@code
 * IndexHNSW} has another constructor, which would build a new graph over it.
 */
final class Views {
  private Views() {}

  static IndexFlat flat(Index index) {
    return new IndexFlat((Pointer) index);
  }

  static IndexHNSW hnsw(Index index) {
    return new IndexHNSW((Pointer) index);
  }

  static IndexIVF ivf(Index index) {
    return new IndexIVF((Pointer) index);
  }
}
