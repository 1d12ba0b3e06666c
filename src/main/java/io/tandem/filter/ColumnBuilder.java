package io.tandem.filter;

import io.tandem.feature.FeatureValues;
import java.io.IOException;

/** Collects one column, row by row. */
sealed interface ColumnBuilder permits CategoryColumn.Builder, NumberColumn.Builder {
  /** Adds a row; rows come in order, from 0. */
  void add(int row, FeatureValues item);

  /** What is known about the column by now. */
  ColumnInfo info();

  /** Writes the column's files, to be called once. */
  void write(FilterColumns.Target target, int number) throws IOException;
}
