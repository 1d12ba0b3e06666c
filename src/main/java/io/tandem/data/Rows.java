package io.tandem.data;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A chunk of an attribute table: keys and the columns that features read.
 *
 * @param keys [size], unique over the table
 * @param columns by name, each of the same size
 */
public record Rows(String[] keys, Map<String, Column> columns) {

  /** Number of rows. */
  public int size() {
    return keys.length;
  }

  /** Values of one attribute. */
  public sealed interface Column {
    /** Text; null where missing. */
    record Text(@Nullable String[] values) implements Column {}

    /** Lists of text, from list columns of Parquet and JSON; null where missing. */
    record TextList(String[] @Nullable [] values) implements Column {}

    /** Numbers; NaN where missing. */
    record Numbers(double[] values) implements Column {}

    /** Seconds since 1970; Long.MIN_VALUE where missing. */
    record Times(long[] values) implements Column {}
  }
}
