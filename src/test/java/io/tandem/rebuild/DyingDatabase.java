package io.tandem.rebuild;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverPropertyInfo;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.Properties;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/** A JDBC driver whose connections break after some rows: {@code jdbc:dying}. */
final class DyingDatabase implements Driver {
  static final String URL = "jdbc:dying";

  private final String[] columns;
  private final int diesAfter;
  private int rows;

  /**
   * @param columns of text
   */
  DyingDatabase(int diesAfter, String... columns) {
    this.diesAfter = diesAfter;
    this.columns = columns;
  }

  /** Rows that were read. */
  int rows() {
    return rows;
  }

  @Override
  public @Nullable Connection connect(String url, Properties info) {
    return acceptsURL(url) ? proxy(Connection.class, "createStatement", statement()) : null;
  }

  private Statement statement() {
    return proxy(Statement.class, "executeQuery", result());
  }

  private ResultSet result() {
    ResultSetMetaData meta =
        proxy(
            ResultSetMetaData.class,
            (self, method, arguments) ->
                switch (method.getName()) {
                  case "getColumnCount" -> columns.length;
                  case "getColumnType" -> Types.VARCHAR;
                  case "getColumnLabel" -> columns[(Integer) arguments[0] - 1];
                  default -> null;
                });
    return proxy(
        ResultSet.class,
        (self, method, arguments) ->
            switch (method.getName()) {
              case "getMetaData" -> meta;
              case "next" -> next();
              case "getString" -> columns[(Integer) arguments[0] - 1] + rows;
              case "wasNull" -> false;
              default -> null;
            });
  }

  private boolean next() throws SQLException {
    if (rows == diesAfter) {
      throw new SQLException("connection reset");
    }
    rows++;
    return true;
  }

  private static <T> T proxy(Class<T> type, String method, Object answer) {
    return proxy(
        type, (self, called, arguments) -> called.getName().equals(method) ? answer : null);
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }

  @Override
  public boolean acceptsURL(String url) {
    return url.equals(URL);
  }

  @Override
  public DriverPropertyInfo[] getPropertyInfo(String url, Properties info) {
    return new DriverPropertyInfo[0];
  }

  @Override
  public int getMajorVersion() {
    return 1;
  }

  @Override
  public int getMinorVersion() {
    return 0;
  }

  @Override
  public boolean jdbcCompliant() {
    return false;
  }

  @Override
  public Logger getParentLogger() {
    return Logger.getGlobal();
  }
}
