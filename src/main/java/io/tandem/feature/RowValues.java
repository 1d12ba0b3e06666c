package io.tandem.feature;

import io.tandem.data.Rows;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One row of a chunk as raw values; moves from row to row. Not thread-safe. */
public final class RowValues implements FeatureValues {
  private final Rows rows;
  private final Set<String> keyColumns;
  private int row;

  /**
   * @param keyColumns columns that hold the entity's key
   */
  public RowValues(Rows rows, Set<String> keyColumns) {
    this.rows = rows;
    this.keyColumns = keyColumns;
  }

  /** Moves to another row. */
  public RowValues at(int newRow) {
    row = newRow;
    return this;
  }

  @Override
  public @Nullable String text(String column) {
    if (keyColumns.contains(column)) {
      return rows.keys()[row];
    }
    Rows.Column values = rows.columns().get(column);
    if (values instanceof Rows.Column.Text text) {
      return text.values()[row];
    }
    if (values instanceof Rows.Column.Numbers numbers) {
      return Values.text(numbers.values()[row]);
    }
    if (values instanceof Rows.Column.Times times
        && times.values()[row] != TimestampEncoder.MISSING) {
      return Long.toString(times.values()[row]);
    }
    return null;
  }

  @Override
  public double number(String column) {
    Rows.Column values = rows.columns().get(column);
    if (values instanceof Rows.Column.Numbers numbers) {
      return numbers.values()[row];
    }
    return Values.number(text(column));
  }

  @Override
  public long time(String column) {
    Rows.Column values = rows.columns().get(column);
    if (values instanceof Rows.Column.Times times) {
      return times.values()[row];
    }
    return Values.time(number(column));
  }

  @Override
  public @Nullable List<String> list(String name) {
    if (rows.columns().get(name) instanceof Rows.Column.TextList list) {
      String[] values = list.values()[row];
      return values == null ? null : Arrays.asList(values);
    }
    return null;
  }
}
