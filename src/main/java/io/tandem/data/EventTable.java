package io.tandem.data;

import io.tandem.config.DataSpec.InteractionsSpec;
import io.tandem.config.SourceSpec;
import io.tandem.data.Database.SqlFailure;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/**
 * Interactions on their way in: loaded into the embedded database, where joins turn keys into
 * numbers, and fetched from there into arrays in the order of the source.
 */
final class EventTable {
  private static final String NOT_A_TIME = "a timestamp, a date or a number of seconds since 1970";

  private final Database database;
  private final InteractionsSpec spec;
  private final SourceTable source;
  private final String table;
  private final long rows;

  EventTable(Database database, InteractionsSpec spec, SourceSpec from) {
    this.database = database;
    this.spec = spec;
    source = new SourceTable(database, from, List.of(spec.query(), spec.item()));
    source.type(spec.query(), "the query");
    source.type(spec.item(), "the item");
    List<String> select = new ArrayList<>();
    select.add("CAST(" + Database.name(spec.query()) + " AS VARCHAR) AS q");
    select.add("CAST(" + Database.name(spec.item()) + " AS VARCHAR) AS i");
    String time = spec.time();
    if (time != null) {
      select.add(time(time, source.type(time, "the time")) + " AS t");
    }
    String weight = spec.weight();
    if (weight != null) {
      checkNumber(weight, source.type(weight, "the weight"), "a number");
      select.add("CAST(" + Database.name(weight) + " AS FLOAT) AS w");
    }
    table = Database.name(database.freshName("events"));
    try {
      database.execute(
          "CREATE TABLE %s AS SELECT %s FROM %s"
              .formatted(table, String.join(", ", select), source.filtered()));
    } catch (SqlFailure e) {
      throw source.failure(e);
    }
    rows = database.number("SELECT count(*) FROM " + table);
    check();
  }

  /** Interactions as they came: numbers of query and item, times and weights. */
  record Events(int[] queries, int[] items, long[] times, float[] weights) {
    int size() {
      return queries.length;
    }

    /** Without the rows whose item is -1. */
    Events withoutUnknownItems() {
      int[] kept = IntStream.range(0, items.length).filter(row -> items[row] >= 0).toArray();
      if (kept.length == items.length) {
        return this;
      }
      Events events =
          new Events(
              new int[kept.length],
              new int[kept.length],
              new long[times.length == 0 ? 0 : kept.length],
              new float[weights.length == 0 ? 0 : kept.length]);
      for (int i = 0; i < kept.length; i++) {
        events.queries[i] = queries[kept[i]];
        events.items[i] = items[kept[i]];
        if (times.length > 0) {
          events.times[i] = times[kept[i]];
        }
        if (weights.length > 0) {
          events.weights[i] = weights[kept[i]];
        }
      }
      return events;
    }
  }

  /** What messages call the source. */
  String description() {
    return source.description();
  }

  /**
   * Where keys get their numbers.
   *
   * @param closedItems whether items must be there already: others' rows are left out
   */
  record Keys(KeyTable.Builder queries, KeyTable.Builder items, boolean closedItems) {}

  /** Adds the keys of both sides in order of first appearance and fetches all rows. */
  Events read(Keys keys) {
    if (rows > Integer.MAX_VALUE - 8) {
      throw new DataException(description() + ": more than 2^31 interactions");
    }
    String queryCodes = dictionary("q");
    String itemCodes = dictionary("i");
    int[] queryNumbers = numbers(queryCodes, keys.queries()::add);
    int[] itemNumbers =
        numbers(itemCodes, keys.closedItems() ? keys.items()::indexOf : keys.items()::add);
    int count = (int) rows;
    Events events =
        new Events(
            new int[count],
            new int[count],
            new long[spec.time() == null ? 0 : count],
            new float[spec.weight() == null ? 0 : count]);
    fetch(events, queryCodes, itemCodes, queryNumbers, itemNumbers);
    for (String done : List.of(table, queryCodes, itemCodes)) {
      database.execute("DROP TABLE " + done);
    }
    return keys.closedItems() ? events.withoutUnknownItems() : events;
  }

  /** Rows come in any order, each with its place. */
  private void fetch(
      Events events, String queryCodes, String itemCodes, int[] queryNumbers, int[] itemNumbers) {
    boolean times = events.times().length > 0;
    boolean weights = events.weights().length > 0;
    String sql =
        """
        SELECT e.rowid::INTEGER, qs.n, items.n%s%s FROM %s AS e
        JOIN %s AS qs ON e.q = qs.k JOIN %s AS items ON e.i = items.k"""
            .formatted(times ? ", t" : "", weights ? ", w" : "", table, queryCodes, itemCodes);
    int fetched =
        database.query(
            sql,
            result -> {
              int seen = 0;
              while (result.next()) {
                int at = result.getInt(1);
                events.queries()[at] = queryNumbers[result.getInt(2)];
                events.items()[at] = itemNumbers[result.getInt(3)];
                if (times) {
                  events.times()[at] = result.getLong(4);
                }
                if (weights) {
                  events.weights()[at] = result.getFloat(times ? 5 : 4);
                }
                seen++;
              }
              return seen;
            });
    if (fetched != events.size()) {
      throw new IllegalStateException("%d rows of %d".formatted(fetched, events.size()));
    }
  }

  /** A table of a column's values {@code k} and their numbers {@code n} by first appearance. */
  private String dictionary(String column) {
    String codes = Database.name(database.freshName("codes"));
    database.execute(
        """
        CREATE TABLE %s AS SELECT k, (row_number() OVER (ORDER BY f) - 1)::INTEGER AS n
        FROM (SELECT %s AS k, min(rowid) AS f FROM %s GROUP BY 1)"""
            .formatted(codes, column, table));
    return codes;
  }

  /** Number among all keys of each code. */
  private int[] numbers(String codes, ToIntFunction<String> number) {
    int[] numbers = new int[(int) database.number("SELECT count(*) FROM " + codes)];
    return database.query(
        "SELECT k, n FROM %s ORDER BY n".formatted(codes),
        result -> {
          while (result.next()) {
            numbers[result.getInt(2)] = number.applyAsInt(result.getString(1));
          }
          return numbers;
        });
  }

  private String time(String column, String type) {
    String name = Database.name(column);
    String upper = type.toUpperCase(Locale.ROOT);
    if (upper.startsWith("TIMESTAMP") || upper.equals("DATE")) {
      return "CAST(floor(epoch(" + name + ")) AS BIGINT)";
    }
    checkNumber(column, type, NOT_A_TIME);
    return "CAST(floor(CAST(" + name + " AS DOUBLE)) AS BIGINT)";
  }

  /** A column that was found to be text holds something that is no number: says where. */
  private void checkNumber(String column, String type, String expected) {
    if (!type.equals("VARCHAR")) {
      return;
    }
    String name = Database.name(column);
    String found =
        firstBad("%s IS NOT NULL AND TRY_CAST(%s AS DOUBLE) IS NULL".formatted(name, name), column);
    if (!found.isEmpty()) {
      throw new DataException(
          "%s: %s: expected %s, found %s"
              .formatted(description(), place(found), expected, value(found)));
    }
  }

  private void check() {
    if (rows == 0) {
      long all = database.number("SELECT count(*) FROM " + source.unfiltered());
      throw new DataException(
          "%s: expected interactions, found %s"
              .formatted(
                  description(),
                  all == 0 ? "no rows" : "none of its %d rows that meets 'where'".formatted(all)));
    }
    requirePresent("q", spec.query(), "a key of a query");
    requirePresent("i", spec.item(), "a key of an item");
    if (spec.time() != null) {
      requirePresent("t", spec.time(), NOT_A_TIME);
    }
    if (spec.weight() != null) {
      requirePresent("w", spec.weight(), "a weight");
      String name = Database.name(spec.weight());
      long bad =
          database.number(
              "SELECT count(*) FROM " + table + " WHERE NOT (w >= 0 AND w < 'inf'::FLOAT)");
      if (bad > 0) {
        String found =
            firstBad("NOT (%s >= 0 AND %s < 'inf'::DOUBLE)".formatted(name, name), spec.weight());
        throw new DataException(
            "%s: %s: expected a weight of at least 0, found %s"
                .formatted(description(), place(found), value(found)));
      }
    }
  }

  private void requirePresent(String column, String sourceColumn, String expected) {
    if (database.number("SELECT count(*) FROM " + table + " WHERE " + column + " IS NULL") == 0) {
      return;
    }
    String found = firstBad(Database.name(sourceColumn) + " IS NULL", sourceColumn);
    throw new DataException(
        "%s: %s: expected %s, found nothing".formatted(description(), place(found), expected));
  }

  /** Place and value, parted by a newline, of the first row that meets a condition; or nothing. */
  private String firstBad(String condition, String column) {
    String where = source.filtered().equals(source.unfiltered()) ? "true" : filter();
    String sql =
        """
        SELECT n, v FROM (SELECT row_number() OVER () AS n, CAST(%s AS VARCHAR) AS v, (%s) AS bad,
        (%s) AS counts FROM %s) WHERE bad AND counts ORDER BY n LIMIT 1"""
            .formatted(Database.name(column), condition, where, source.unfiltered());
    return database.query(
        sql,
        result ->
            result.next()
                ? "row %d, column '%s'\n'%s'"
                    .formatted(result.getLong(1), column, result.getString(2))
                : "");
  }

  private String filter() {
    return source.filtered().substring(source.unfiltered().length() + " WHERE ".length());
  }

  private static String place(String found) {
    return found.isEmpty() ? "a row" : found.substring(0, found.indexOf('\n'));
  }

  private static String value(String found) {
    return found.isEmpty() ? "another" : found.substring(found.indexOf('\n') + 1);
  }
}
