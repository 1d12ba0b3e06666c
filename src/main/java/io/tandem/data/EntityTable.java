package io.tandem.data;

import io.tandem.config.DataSpec.EntitySpec;
import io.tandem.data.Database.SqlFailure;
import java.sql.Array;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The rows of an entity source, kept in the embedded database, followed by keys that only
 * interactions know, whose attributes are all missing.
 */
final class EntityTable implements Attributes {
  private static final int CHUNK = 8192;

  private final Database database;
  private final @Nullable String table;
  private final Map<String, Kind> columns = new LinkedHashMap<>();
  private final String keyColumn;
  private final long rows;
  private @Nullable KeyTable keys;

  /** How a column is handed out. */
  private enum Kind {
    TEXT,
    LIST,
    NUMBER,
    TIME;

    static Kind of(String type) {
      if (type.endsWith("[]")) {
        return LIST;
      }
      if (type.startsWith("DECIMAL")) {
        return NUMBER;
      }
      return switch (type) {
        case "BOOLEAN",
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "HUGEINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
            "FLOAT",
            "DOUBLE" ->
            NUMBER;
        case "DATE",
            "TIMESTAMP",
            "TIMESTAMP WITH TIME ZONE",
            "TIMESTAMP_S",
            "TIMESTAMP_MS",
            "TIMESTAMP_NS" ->
            TIME;
        default -> TEXT;
      };
    }

    String select(String column) {
      String name = Database.name(column);
      return switch (this) {
        case TEXT -> "CAST(" + name + " AS VARCHAR)";
        case LIST -> "CAST(" + name + " AS VARCHAR[])";
        case NUMBER -> "CAST(" + name + " AS DOUBLE)";
        case TIME -> "CAST(floor(epoch(" + name + ")) AS BIGINT)";
      };
    }
  }

  /** A side without a source: its keys come from interactions alone. */
  EntityTable(Database database, String keyColumn) {
    this.database = database;
    this.keyColumn = keyColumn;
    table = null;
    rows = 0;
  }

  /** Reads the source and checks its keys. */
  EntityTable(Database database, EntitySpec spec) {
    this.database = database;
    keyColumn = spec.key();
    SourceTable source = new SourceTable(database, spec.source(), List.of(keyColumn));
    source.type(keyColumn, "the key");
    table = Database.name(database.freshName("entities"));
    try {
      database.execute(
          "CREATE TABLE %s AS SELECT * REPLACE (CAST(%s AS VARCHAR) AS %s) FROM %s"
              .formatted(
                  table, Database.name(keyColumn), Database.name(keyColumn), source.filtered()));
    } catch (SqlFailure e) {
      throw source.failure(e);
    }
    rows = database.number("SELECT count(*) FROM " + table);
    if (rows == 0) {
      throw new DataException(source.description() + ": no rows");
    }
    checkKeys(source);
    source.columns().forEach((column, type) -> columns.put(column, Kind.of(type)));
    columns.put(keyColumn, Kind.TEXT);
  }

  /** Adds the source's keys, in the order of its rows. */
  void addKeys(KeyTable.Builder builder) {
    if (table == null) {
      return;
    }
    database.query(
        "SELECT %s FROM %s ORDER BY rowid".formatted(Database.name(keyColumn), table),
        result -> {
          while (result.next()) {
            builder.add(result.getString(1));
          }
          return builder;
        });
  }

  /** Ends the reading: the side's keys, those of the source first. */
  void complete(KeyTable allKeys) {
    keys = allKeys;
  }

  @Override
  public int size() {
    return keys().size();
  }

  @Override
  public void forEachChunk(Consumer<Rows> consumer) {
    for (int from = 0; from < rows; from += CHUNK) {
      consumer.accept(chunk(from, (int) Math.min(rows, from + (long) CHUNK)));
    }
    for (int from = (int) rows; from < size(); from += CHUNK) {
      consumer.accept(keysOnly(from, Math.min(size(), from + CHUNK)));
    }
  }

  @Override
  public void close() {
    database.close();
  }

  private Rows chunk(int from, int to) {
    List<String> select = new ArrayList<>();
    columns.forEach((column, kind) -> select.add(kind.select(column)));
    String sql =
        "SELECT %s FROM %s WHERE rowid >= %d AND rowid < %d ORDER BY rowid"
            .formatted(String.join(", ", select), table, from, to);
    return database.query(sql, result -> read(result, to - from));
  }

  private Rows read(ResultSet result, int count) throws SQLException {
    Map<String, Rows.Column> read = new LinkedHashMap<>();
    columns.forEach((column, kind) -> read.put(column, allocate(kind, count)));
    for (int row = 0; row < count; row++) {
      if (!result.next()) {
        throw new SQLException("fewer rows than counted");
      }
      int at = 1;
      for (Rows.Column column : read.values()) {
        readValue(result, at++, column, row);
      }
    }
    Rows.Column key = read.get(keyColumn);
    if (!(key instanceof Rows.Column.Text text)) {
      throw new IllegalStateException("keys are text");
    }
    String[] chunkKeys = new String[count];
    for (int row = 0; row < count; row++) {
      chunkKeys[row] = String.valueOf(text.values()[row]);
    }
    return new Rows(chunkKeys, read);
  }

  private static Rows.Column allocate(Kind kind, int count) {
    return switch (kind) {
      case TEXT -> new Rows.Column.Text(new String[count]);
      case LIST -> new Rows.Column.TextList(new String[count][]);
      case NUMBER -> new Rows.Column.Numbers(new double[count]);
      case TIME -> new Rows.Column.Times(new long[count]);
    };
  }

  private static Rows.Column missing(Kind kind, int count) {
    Rows.Column column = allocate(kind, count);
    if (column instanceof Rows.Column.Numbers numbers) {
      Arrays.fill(numbers.values(), Double.NaN);
    } else if (column instanceof Rows.Column.Times times) {
      Arrays.fill(times.values(), Long.MIN_VALUE);
    }
    return column;
  }

  private static void readValue(ResultSet result, int at, Rows.Column column, int row)
      throws SQLException {
    if (column instanceof Rows.Column.Text text) {
      text.values()[row] = result.getString(at);
    } else if (column instanceof Rows.Column.Numbers numbers) {
      double value = result.getDouble(at);
      numbers.values()[row] = result.wasNull() ? Double.NaN : value;
    } else if (column instanceof Rows.Column.Times times) {
      long value = result.getLong(at);
      times.values()[row] = result.wasNull() ? Long.MIN_VALUE : value;
    } else if (column instanceof Rows.Column.TextList list) {
      Array array = result.getArray(at);
      if (array != null && array.getArray() instanceof Object[] elements) {
        List<String> values = new ArrayList<>();
        for (Object element : elements) {
          if (element != null) {
            values.add(element.toString());
          }
        }
        list.values()[row] = values.toArray(String[]::new);
      }
    }
  }

  private Rows keysOnly(int from, int to) {
    String[] chunkKeys = new String[to - from];
    for (int row = from; row < to; row++) {
      chunkKeys[row - from] = keys().key(row);
    }
    Map<String, Rows.Column> missing = new LinkedHashMap<>();
    columns.forEach((column, kind) -> missing.put(column, missing(kind, to - from)));
    missing.put(keyColumn, new Rows.Column.Text(chunkKeys));
    return new Rows(chunkKeys, missing);
  }

  private void checkKeys(SourceTable source) {
    String key = Database.name(keyColumn);
    long missing =
        database.number(
            "SELECT coalesce(min(rowid) + 1, 0) FROM %s WHERE %s IS NULL".formatted(table, key));
    if (missing > 0) {
      throw new DataException(
          "%s: row %d, column '%s': expected a key, found nothing"
              .formatted(source.description(), missing, keyColumn));
    }
    String duplicate =
        database.query(
            """
            SELECT k, f + 1, l + 1 FROM (SELECT %s k, min(rowid) f, max(rowid) l, count(*) c
            FROM %s GROUP BY 1) WHERE c > 1 ORDER BY f LIMIT 1"""
                .formatted(key, table),
            result ->
                result.next()
                    ? "'%s' in rows %d and %d"
                        .formatted(result.getString(1), result.getLong(2), result.getLong(3))
                    : "");
    if (!duplicate.isEmpty()) {
      throw new DataException(
          "%s: column '%s': expected each key once, found %s"
              .formatted(source.description(), keyColumn, duplicate));
    }
  }

  private KeyTable keys() {
    if (keys == null) {
      throw new IllegalStateException("the table is still being read");
    }
    return keys;
  }
}
