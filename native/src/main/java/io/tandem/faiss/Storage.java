package io.tandem.faiss;

import io.tandem.faiss.binding.global.faiss;

/** Where the contents of an index file live once it is open. */
public enum Storage {
  /** Read into memory. */
  MEMORY,
  /**
   * The inverted lists of an IVF index stay in the file, mapped and read on demand; the file must
   * neither change nor go away while the index is open. Other types are read into memory.
   */
  MAPPED;

  int flags() {
    return this == MAPPED ? faiss.IO_FLAG_MMAP() : 0;
  }
}
