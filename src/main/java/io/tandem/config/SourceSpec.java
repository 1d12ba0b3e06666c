package io.tandem.config;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A table: a file, or a query to a database. Exactly one of {@code path} and {@code jdbc} is given.
 *
 * @param path CSV, TSV, Parquet or JSON lines, gzip or plain, by its name's ending unless {@code
 *     format} says otherwise; may hold {@code *} for several files of one kind
 * @param jdbc URL of a database; {@code sql} is then required
 * @param sql a SELECT: over the database, or over the file under the name {@code source}
 * @param where a condition on rows, in SQL
 * @param delimiter between a text file's fields; found by looking when absent
 * @param columns names of the columns of a text file that has no header line; empty when it has one
 * @param encoding of a text file: {@code utf-8}, {@code utf-16} or {@code latin-1}
 */
public record SourceSpec(
    @Nullable Path path,
    @Nullable String jdbc,
    @Nullable String sql,
    @Nullable String where,
    Format format,
    @Nullable String delimiter,
    List<String> columns,
    String encoding) {

  public SourceSpec {
    columns = List.copyOf(columns);
  }

  /** How a file is read. */
  public enum Format {
    AUTO,
    CSV,
    PARQUET,
    JSON
  }

  /** A file in UTF-8 whose format and delimiter are found by looking. */
  public static SourceSpec file(Path path) {
    return new SourceSpec(path, null, null, null, Format.AUTO, null, List.of(), "utf-8");
  }
}
