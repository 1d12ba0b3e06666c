package io.tandem.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An embedded DuckDB that lives as long as this object, in memory up to half of the heap's limit
 * and beyond that in a temporary folder. Not thread-safe.
 */
final class Database implements AutoCloseable {
  private final Connection connection;
  private final Path spill;
  private int names;

  Database() {
    try {
      spill = Files.createTempDirectory("tandem-data");
      Properties settings = new Properties();
      // Results come as they are read, not whole.
      settings.setProperty("jdbc_stream_results", "true");
      connection = DriverManager.getConnection("jdbc:duckdb:", settings);
    } catch (IOException | SQLException e) {
      throw new DataException("cannot open the embedded database: " + e.getMessage(), e);
    }
    long megabytes = Math.max(512, Runtime.getRuntime().maxMemory() >> 21);
    execute("SET memory_limit = '" + megabytes + "MB'");
    execute("SET temp_directory = " + quote(spill.toString()));
    execute("SET TimeZone = 'UTC'");
  }

  /** Reads the rows of a result; anything it throws ends the reading. */
  interface RowReader<T> {
    T read(ResultSet rows) throws SQLException;
  }

  /** A name for a table or view that nothing else has. */
  String freshName(String base) {
    return base + "_" + names++;
  }

  void execute(String sql) {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new SqlFailure(e);
    }
  }

  <T> T query(String sql, RowReader<T> reader) {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      return reader.read(rows);
    } catch (SQLException e) {
      throw new SqlFailure(e);
    }
  }

  long number(String sql) {
    return query(
        sql,
        rows -> {
          rows.next();
          return rows.getLong(1);
        });
  }

  /** Columns of a table expression and their types, in order. */
  Map<String, String> columns(String from) {
    return query(
        "DESCRIBE SELECT * FROM " + from,
        rows -> {
          Map<String, String> columns = new LinkedHashMap<>();
          while (rows.next()) {
            columns.put(rows.getString(1), rows.getString(2));
          }
          return columns;
        });
  }

  Connection connection() {
    return connection;
  }

  @Override
  public void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      throw new DataException("cannot close the embedded database: " + e.getMessage(), e);
    } finally {
      delete(spill);
    }
  }

  /** A string literal. */
  static String quote(String text) {
    return "'" + text.replace("'", "''") + "'";
  }

  /** A column's or table's name. */
  static String name(String column) {
    return "\"" + column.replace("\"", "\"\"") + "\"";
  }

  /** The driver sometimes wraps the reason into another that says nothing. */
  static String withoutWrapping(String message) {
    int at =
        message.startsWith("Invalid Input Error: Attempting") ? message.indexOf("Error: ", 20) : -1;
    return (at < 0 ? message : message.substring(at + "Error: ".length())).strip();
  }

  private static void delete(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(java.util.Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException gone) {
      // A temporary folder; the system clears it.
    }
  }

  /** What the database did not accept; its callers know which source is to blame. */
  static final class SqlFailure extends RuntimeException {
    SqlFailure(SQLException cause) {
      super(cause);
    }

    /** The database's reason, without its hints and internals. */
    String reason() {
      @Nullable String message = getCause() == null ? null : getCause().getMessage();
      return message == null ? "unknown" : withoutWrapping(message);
    }
  }
}
