package io.tandem.data;

import io.tandem.config.SourceSpec;
import io.tandem.data.Database.SqlFailure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A source of the specification as a table expression of the embedded database. */
final class SourceTable {
  private final Database database;
  private final SourceSpec spec;
  private final String unfiltered;
  private final Map<String, String> columns;
  private @Nullable CsvFile csv;

  /**
   * @param keys columns that hold keys: they are read as text, whatever they look like
   */
  SourceTable(Database database, SourceSpec spec, List<String> keys) {
    this.database = database;
    this.spec = spec;
    checkFile();
    try {
      String raw = spec.jdbc() == null ? file(keys) : JdbcSource.copy(database, spec);
      String query = spec.jdbc() == null && spec.sql() != null ? spec.sql() : null;
      if (query == null) {
        unfiltered = raw;
      } else {
        String view = Database.name(database.freshName("source"));
        database.execute(
            "CREATE TEMP VIEW %s AS WITH source AS (SELECT * FROM %s) %s"
                .formatted(view, raw, stripped(query)));
        unfiltered = view;
      }
      columns = database.columns(unfiltered);
    } catch (SqlFailure e) {
      throw failure(e);
    }
  }

  /** What messages call the source. */
  String description() {
    return spec.path() != null
        ? spec.path().toString()
        : Explanation.withoutSecrets(String.valueOf(spec.jdbc()));
  }

  /** Columns and their types in SQL. */
  Map<String, String> columns() {
    return columns;
  }

  /** The type of a column that must be there. */
  String type(String column, String role) {
    String type = columns.get(column);
    if (type == null) {
      checkFields();
      throw new DataException(
          "%s: no column '%s' (%s); its columns are %s"
              .formatted(description(), column, role, String.join(", ", columns.keySet())));
    }
    return type;
  }

  /** A file that seems to have one column may have many, and a line that does not fit. */
  private void checkFields() {
    if (csv != null && columns.size() == 1) {
      try {
        csv.readStrictly();
      } catch (SqlFailure e) {
        throw Explanation.of(description(), spec.encoding(), e);
      }
    }
  }

  /** Every row, before the condition. */
  String unfiltered() {
    return unfiltered;
  }

  /** The rows that count, as what follows FROM. */
  String filtered() {
    return spec.where() == null ? unfiltered : unfiltered + " WHERE (" + spec.where() + ")";
  }

  /** An explanation of what the database did not accept while reading this source. */
  DataException failure(SqlFailure failure) {
    if (csv != null && failure.reason().contains("sniffing")) {
      try {
        csv.readStrictly();
      } catch (SqlFailure strict) {
        return Explanation.of(description(), spec.encoding(), strict);
      }
      return new DataException(
          description() + ": expected rows of fields by one delimiter, found none; say delimiter",
          failure);
    }
    return Explanation.of(description(), spec.encoding(), failure);
  }

  private void checkFile() {
    Path path = spec.path();
    if (path == null || path.toString().contains("*")) {
      return;
    }
    if (!Files.exists(path)) {
      throw new DataException(path + ": no such file");
    }
    if (!Files.isRegularFile(path) || !Files.isReadable(path)) {
      throw new DataException(path + ": expected a readable file");
    }
    if (path.toFile().length() == 0) {
      throw new DataException(path + ": the file is empty");
    }
  }

  private String file(List<String> keys) {
    String path = Database.quote(String.valueOf(spec.path()));
    return switch (format()) {
      case PARQUET -> "read_parquet(" + path + ")";
      case JSON -> "read_json_auto(" + path + ", format = 'newline_delimited')";
      default -> {
        csv = new CsvFile(database, spec);
        yield csv.table(keys);
      }
    };
  }

  private SourceSpec.Format format() {
    if (spec.format() != SourceSpec.Format.AUTO) {
      return spec.format();
    }
    String name =
        String.valueOf(spec.path()).toLowerCase(Locale.ROOT).replaceAll("\\.(gz|zst)$", "");
    if (name.endsWith(".parquet")) {
      return SourceSpec.Format.PARQUET;
    }
    boolean json = name.endsWith(".json") || name.endsWith(".jsonl") || name.endsWith(".ndjson");
    return json ? SourceSpec.Format.JSON : SourceSpec.Format.CSV;
  }

  private static String stripped(@Nullable String sql) {
    return String.valueOf(sql).strip().replaceAll(";$", "");
  }
}
