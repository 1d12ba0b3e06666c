package io.tandem.data;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * Made-up data of any size with the columns of ml-latest-small: movieId, title, genres and year;
 * userId, movieId, rating and timestamp. The same numbers give the same rows.
 *
 * <pre>scripts/bench.sh io.tandem.data.SyntheticCatalogue 1000000 items.parquet</pre>
 */
public final class SyntheticCatalogue {
  /**
   * Words of two syllables and three, of which frequent ones are much more frequent than others.
   */
  private static final String WORD =
      """
      list_extract(syllables, 1 + (h %% 40)::INTEGER) \
      || list_extract(syllables, 1 + ((h // 40) %% 40)::INTEGER) \
      || CASE WHEN h %% 3 = 0 THEN '' ELSE list_extract(syllables, 1 + ((h // 1600) %% 40)::INTEGER) END""";

  private static final String SYLLABLES =
      """
      ['ba','ce','di','fo','gu','ha','je','ki','lo','mu','na','pe','qui','ro','su','ta','ve','wi','xo',\
      'zu','bra','cle','dri','flo','gru','pha','ste','tri','vlo','sma','ne','li','mo','ru','sa','the',\
      'phi','on','er','al']""";

  private static final String GENRES =
      """
      ['Drama','Comedy','Thriller','Romance','Action','Horror','Crime','Documentary','Adventure',\
      'Sci-Fi','Mystery','Fantasy','War','Children','Musical','Animation','Western','Film-Noir']""";

  private SyntheticCatalogue() {}

  /** Writes items, to the file that is named. */
  public static void main(String[] arguments) throws SQLException {
    if (arguments.length != 2) {
      System.err.println("expected a number of items and a file, .parquet or .csv");
      System.exit(2);
    }
    writeItems(Path.of(arguments[1]), Long.parseLong(arguments[0]));
  }

  /**
   * Writes items, in the format of the file's name: one to four genres, titles of one to five words
   * with the year behind them, as MovieLens has it; 1 % have no year.
   */
  public static void writeItems(Path file, long items) throws SQLException {
    execute(
        """
        COPY (
          WITH parts AS (SELECT %1$s AS syllables, %2$s AS genres),
          rows AS (
            SELECT range AS movieId, 1920 + floor(sqrt(hash(range * 8 + 1) %% 10816))::INTEGER AS y,
              hash(range * 8 + 2) %% 100 = 0 AS undated,
              list_transform(range(1 + (hash(range * 8 + 3) %% 5)::BIGINT), lambda i:
                floor(pow(hash(range * 40 + i) %% 1000003 / 1000003.0, 2) * 64000)::BIGINT) AS words,
              list_transform(range(1 + (hash(range * 8 + 4) %% 4)::BIGINT), lambda i:
                1 + floor(pow(hash(range * 40 + 20 + i) %% 1000003 / 1000003.0, 2) * 18)::INTEGER)
                AS kinds
            FROM range(%3$d))
          SELECT movieId,
            array_to_string(list_transform(words, lambda h: %4$s), ' ')
              || CASE WHEN undated THEN '' ELSE ' (' || y || ')' END AS title,
            array_to_string(list_sort(list_distinct(
              list_transform(kinds, lambda k: list_extract(genres, k)))), '|') AS genres,
            CASE WHEN undated THEN NULL ELSE y END AS year
          FROM rows, parts)
        TO '%5$s'"""
            .formatted(SYLLABLES, GENRES, items, WORD.replace("%%", "%"), quoted(file)));
  }

  /** Writes ratings by {@code queries} users of the first {@code items} items. */
  public static void writeRatings(Path file, long ratings, long queries, long items)
      throws SQLException {
    execute(
        """
        COPY (SELECT
          floor(pow(hash(range * 4 + 1) %% 1000003 / 1000003.0, 2) * %d)::BIGINT AS userId,
          floor(pow(hash(range * 4 + 2) %% 1000003 / 1000003.0, 3) * %d)::BIGINT AS movieId,
          (1 + hash(range * 4 + 3) %% 9) / 2.0 AS rating,
          1000000000 + hash(range * 4) %% 500000000 AS timestamp
        FROM range(%d)) TO '%s'"""
            .formatted(queries, items, ratings, quoted(file)));
  }

  private static String quoted(Path file) {
    return file.toString().replace("'", "''");
  }

  private static void execute(String sql) throws SQLException {
    try (Connection duckdb = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = duckdb.createStatement()) {
      statement.execute("SET memory_limit = '1GB'");
      statement.execute("SET preserve_insertion_order = true");
      statement.execute(sql);
    }
  }
}
