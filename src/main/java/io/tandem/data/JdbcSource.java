package io.tandem.data;

import io.tandem.config.SourceSpec;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;

/** Copies the result of a query to any database into a table of the embedded one. */
final class JdbcSource {
  private static final int FETCH = 10_000;

  private JdbcSource() {}

  /** Name of the table, quoted. */
  static String copy(Database database, SourceSpec spec) {
    String table = database.freshName("jdbc");
    try (Connection remote = connect(spec);
        Statement statement = remote.createStatement()) {
      statement.setFetchSize(FETCH);
      try (ResultSet rows = statement.executeQuery(spec.sql())) {
        List<String> types = types(rows.getMetaData());
        create(database, table, rows.getMetaData(), types);
        append(database, table, rows, types);
      }
    } catch (SQLException e) {
      throw failure(spec, e);
    }
    return Database.name(table);
  }

  private static Connection connect(SourceSpec spec) throws SQLException {
    Connection remote = DriverManager.getConnection(spec.jdbc());
    try {
      // Some drivers hold the whole result in memory unless a transaction is open.
      remote.setAutoCommit(false);
    } catch (SQLException refused) {
      // A database without transactions; it is only read.
    }
    return remote;
  }

  private static DataException failure(SourceSpec spec, SQLException e) {
    String message = Database.withoutWrapping(String.valueOf(e.getMessage()));
    String told = Explanation.withoutSecrets(message);
    String url = Explanation.withoutSecrets(String.valueOf(spec.jdbc()));
    return new DataException(
        url + ": " + Explanation.firstLine(told), told.equals(message) ? e : null);
  }

  private static List<String> types(ResultSetMetaData meta) throws SQLException {
    List<String> types = new ArrayList<>();
    for (int column = 1; column <= meta.getColumnCount(); column++) {
      types.add(
          switch (meta.getColumnType(column)) {
            case Types.TINYINT, Types.SMALLINT, Types.INTEGER, Types.BIGINT -> "BIGINT";
            case Types.NUMERIC, Types.DECIMAL ->
                // Keys are often such: 42 must not become 42.0.
                meta.getScale(column) == 0 && meta.getPrecision(column) <= 18 ? "BIGINT" : "DOUBLE";
            case Types.FLOAT, Types.REAL, Types.DOUBLE -> "DOUBLE";
            case Types.BOOLEAN, Types.BIT -> "BOOLEAN";
            case Types.DATE, Types.TIMESTAMP, Types.TIMESTAMP_WITH_TIMEZONE -> "TIMESTAMP";
            default -> "VARCHAR";
          });
    }
    return types;
  }

  private static void create(
      Database database, String table, ResultSetMetaData meta, List<String> types)
      throws SQLException {
    List<String> columns = new ArrayList<>();
    for (int column = 1; column <= types.size(); column++) {
      columns.add(Database.name(meta.getColumnLabel(column)) + " " + types.get(column - 1));
    }
    database.execute(
        "CREATE TABLE " + Database.name(table) + " (" + String.join(", ", columns) + ")");
  }

  private static void append(Database database, String table, ResultSet rows, List<String> types)
      throws SQLException {
    DuckDBConnection connection = database.connection().unwrap(DuckDBConnection.class);
    try (DuckDBAppender appender = connection.createAppender("main", table)) {
      while (rows.next()) {
        appender.beginRow();
        for (int column = 1; column <= types.size(); column++) {
          append(appender, rows, column, types.get(column - 1));
        }
        appender.endRow();
      }
    }
  }

  private static void append(DuckDBAppender appender, ResultSet rows, int column, String type)
      throws SQLException {
    switch (type) {
      case "BIGINT" -> {
        long value = rows.getLong(column);
        if (rows.wasNull()) {
          appender.appendNull();
        } else {
          appender.append(value);
        }
      }
      case "BOOLEAN" -> {
        boolean value = rows.getBoolean(column);
        if (rows.wasNull()) {
          appender.appendNull();
        } else {
          appender.append(value);
        }
      }
      case "DOUBLE" -> {
        double value = rows.getDouble(column);
        if (rows.wasNull()) {
          appender.appendNull();
        } else {
          appender.append(value);
        }
      }
      case "TIMESTAMP" -> {
        Timestamp value = rows.getTimestamp(column);
        if (value == null) {
          appender.appendNull();
        } else {
          appender.append(value.toLocalDateTime());
        }
      }
      default -> {
        String value = rows.getString(column);
        if (value == null) {
          appender.appendNull();
        } else {
          appender.append(value);
        }
      }
    }
  }
}
