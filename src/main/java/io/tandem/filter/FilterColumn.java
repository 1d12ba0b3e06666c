package io.tandem.filter;

import org.roaringbitmap.buffer.MutableRoaringBitmap;

/** One column of a version: which rows hold what. Immutable; safe for any number of threads. */
sealed interface FilterColumn permits CategoryColumn, NumberColumn {
  /** Rows with one of the values; a new set. */
  MutableRoaringBitmap in(Filter.In filter);

  /** Rows within the bounds; a new set. */
  MutableRoaringBitmap range(Filter.Range filter);

  /** Rows without a value; a new set. */
  MutableRoaringBitmap missing();
}
