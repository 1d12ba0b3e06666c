package io.tandem.data;

import java.util.function.Consumer;

/**
 * An attribute table that is read in chunks, as often as asked, always in the same order; its rows
 * are numbered as its side's keys. Closing frees what it is read from.
 */
public interface Attributes extends AutoCloseable {
  /** Rows in total; equal to the number of keys of its side. */
  int size();

  /** Passes every row in order, a chunk of bounded size at a time. */
  void forEachChunk(Consumer<Rows> consumer);

  @Override
  default void close() {}
}
