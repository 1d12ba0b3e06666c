package io.tandem.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.unix_seconds;

import io.tandem.data.DataException;
import io.tandem.data.Rows;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.TimestampNTZType;
import org.apache.spark.sql.types.TimestampType;
import org.jspecify.annotations.Nullable;

/**
 * A table of items or queries in the types that features read: text, lists of text, numbers, and
 * times in seconds since 1970, as the engine's own reading of files gives them.
 *
 * @param rows columns of these types, the key as text
 * @param layout what the columns are
 */
record Table(Dataset<Row> rows, Layout layout) {

  /** How a column is handed to features. */
  enum Kind {
    TEXT,
    LIST,
    NUMBER,
    TIME;

    static Kind of(DataType type) {
      if (type instanceof ArrayType) {
        return LIST;
      }
      if (type instanceof NumericType || type instanceof BooleanType) {
        return NUMBER;
      }
      boolean time =
          type instanceof TimestampType
              || type instanceof TimestampNTZType
              || type instanceof DateType;
      return time ? TIME : TEXT;
    }

    Column typed(String name) {
      Column column = col("`" + name.replace("`", "``") + "`");
      return (switch (this) {
            case TEXT -> column.cast(DataTypes.StringType);
            case LIST -> column.cast(DataTypes.createArrayType(DataTypes.StringType));
            case NUMBER -> column.cast(DataTypes.DoubleType);
            case TIME -> unix_seconds(column.cast(DataTypes.TimestampType));
          })
          .as(name);
    }
  }

  /**
   * Columns in the order of their values in a row.
   *
   * @param key place of the key
   */
  record Layout(List<String> names, List<Kind> kinds, int key) implements Serializable {
    Layout {
      names = List.copyOf(names);
      kinds = List.copyOf(kinds);
    }

    /** Rows of Spark as a chunk of a table. */
    Rows chunk(List<Row> rows) {
      String[] keys = new String[rows.size()];
      for (int row = 0; row < keys.length; row++) {
        if (rows.get(row).isNullAt(key)) {
          throw new DataException(
              "column '%s': expected a key in every row, found nothing in %s"
                  .formatted(names.get(key), rows.get(row)));
        }
        keys[row] = rows.get(row).getString(key);
      }
      Map<String, Rows.Column> columns = new LinkedHashMap<>();
      for (int column = 0; column < names.size(); column++) {
        columns.put(names.get(column), column(rows, column));
      }
      return new Rows(keys, columns);
    }

    private Rows.Column column(List<Row> rows, int column) {
      int size = rows.size();
      return switch (kinds.get(column)) {
        case TEXT -> {
          @Nullable String[] values = new String[size];
          for (int row = 0; row < size; row++) {
            values[row] = rows.get(row).getString(column);
          }
          yield new Rows.Column.Text(values);
        }
        case LIST -> {
          String[] @Nullable [] values = new String[size][];
          for (int row = 0; row < size; row++) {
            values[row] = list(rows.get(row), column);
          }
          yield new Rows.Column.TextList(values);
        }
        case NUMBER -> {
          double[] values = new double[size];
          for (int row = 0; row < size; row++) {
            boolean missing = rows.get(row).isNullAt(column);
            values[row] = missing ? Double.NaN : rows.get(row).getDouble(column);
          }
          yield new Rows.Column.Numbers(values);
        }
        case TIME -> {
          long[] values = new long[size];
          for (int row = 0; row < size; row++) {
            boolean missing = rows.get(row).isNullAt(column);
            values[row] = missing ? Long.MIN_VALUE : rows.get(row).getLong(column);
          }
          yield new Rows.Column.Times(values);
        }
      };
    }

    /** Elements that are there; null where the list is missing. */
    private static String @Nullable [] list(Row row, int column) {
      if (row.isNullAt(column)) {
        return null;
      }
      List<String> present = new ArrayList<>(row.<String>getList(column));
      present.removeIf(value -> value == null);
      return present.toArray(String[]::new);
    }
  }

  /** Reads a file or folder: CSV with a header, every column as text, or Parquet, ORC, JSON. */
  static Dataset<Row> read(SparkSession spark, String path, String format) {
    boolean csv = format.equals("csv");
    return spark
        .read()
        .format(format)
        .option("header", csv)
        // As the engine reads CSV: quotes are doubled, and keys such as 007 stay what they are.
        .option("escape", csv ? "\"" : "\\")
        .option("inferSchema", false)
        .load(path);
  }

  /**
   * Any table.
   *
   * @param key column of the key
   * @throws DataException if there is no such column
   */
  static Table of(Dataset<Row> table, String key) {
    List<String> names = new ArrayList<>();
    List<Kind> kinds = new ArrayList<>();
    List<Column> typed = new ArrayList<>();
    for (StructField field : table.schema().fields()) {
      Kind kind = field.name().equals(key) ? Kind.TEXT : Kind.of(field.dataType());
      names.add(field.name());
      kinds.add(kind);
      typed.add(kind.typed(field.name()));
    }
    if (!names.contains(key)) {
      throw new DataException(
          "no column '%s' (the key); the columns are %s".formatted(key, String.join(", ", names)));
    }
    return new Table(
        table.select(typed.toArray(Column[]::new)), new Layout(names, kinds, names.indexOf(key)));
  }
}
