package io.tandem.data;

import java.nio.file.Path;

/**
 * Distinct strings and their numbers, 0 until {@link #size()}. Immutable; safe for any number of
 * threads. Keys lie in one block of UTF-8 with offsets and a hash table, so that millions of them
 * cost a few bytes each over their text and open by memory mapping.
 */
public final class KeyTable {
  private KeyTable() {}

  /** Number of keys. */
  public int size() {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Number of a key, or -1. Allocates nothing. */
  public int indexOf(String key) {
    throw new UnsupportedOperationException("not built yet");
  }

  /**
   * Key of a number.
   *
   * @throws IndexOutOfBoundsException outside 0 until size
   */
  public String key(int index) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Writes the table; the same keys give the same bytes. */
  public void write(Path file) {
    throw new UnsupportedOperationException("not built yet");
  }

  /**
   * Maps a table that {@link #write} wrote.
   *
   * @throws DataException if the file is not one, is cut short, or holds impossible numbers
   */
  public static KeyTable open(Path file) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Collects keys. Not thread-safe. */
  public static final class Builder {
    /** Number of the key, which is added when it is new. */
    public int add(String key) {
      throw new UnsupportedOperationException("not built yet");
    }

    /** The table; the builder must not be used again. */
    public KeyTable build() {
      throw new UnsupportedOperationException("not built yet");
    }
  }
}
