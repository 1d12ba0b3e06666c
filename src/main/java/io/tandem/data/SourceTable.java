package io.tandem.data;

import io.tandem.config.SourceSpec;
import io.tandem.data.Database.SqlFailure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A source of the specification as a table expression of the embedded database. */
final class SourceTable {
  private static final Pattern CONVERSION =
      Pattern.compile(
          "CSV Error on Line: (\\d+).*?Error when converting column \"([^\"]*)\"\\. Could not"
              + " convert string \"(.*?)\" to '([^']*)'",
          Pattern.DOTALL);
  private static final Pattern LINE = Pattern.compile("(?:Line: |line )(\\d+)");

  private final Database database;
  private final SourceSpec spec;
  private final String unfiltered;
  private final Map<String, String> columns;

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
    return spec.path() != null ? spec.path().toString() : String.valueOf(spec.jdbc());
  }

  /** Columns and their types in SQL. */
  Map<String, String> columns() {
    return columns;
  }

  /** The type of a column that must be there. */
  String type(String column, String role) {
    String type = columns.get(column);
    if (type == null) {
      throw new DataException(
          "%s: no column '%s' (%s); its columns are %s"
              .formatted(description(), column, role, String.join(", ", columns.keySet())));
    }
    return type;
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
    String reason = failure.reason();
    Matcher conversion = CONVERSION.matcher(reason);
    if (conversion.find()) {
      return new DataException(
          "%s: line %s, column '%s': expected %s, found '%s'"
              .formatted(
                  description(),
                  conversion.group(1),
                  conversion.group(2),
                  conversion.group(4).toLowerCase(Locale.ROOT),
                  conversion.group(3)),
          failure);
    }
    String lower = reason.toLowerCase(Locale.ROOT);
    if (lower.contains("unicode") || lower.contains("utf-8") || lower.contains("utf8")) {
      Matcher line = LINE.matcher(reason);
      return new DataException(
          "%s: %sexpected text in %s, found other bytes; say encoding: latin-1 if it is"
              .formatted(
                  description(),
                  line.find() ? "line " + line.group(1) + ": " : "",
                  spec.encoding().toUpperCase(Locale.ROOT)),
          failure);
    }
    return new DataException(description() + ": " + reason.lines().findFirst().orElse(""), failure);
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
      default -> csv(path, keys);
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

  private String csv(String path, List<String> keys) {
    List<String> options = new ArrayList<>(List.of(path));
    options.add("header = " + spec.columns().isEmpty());
    options.add("encoding = " + Database.quote(spec.encoding()));
    String delimiter = spec.delimiter();
    if (delimiter != null) {
      options.add("delim = " + Database.quote(delimiter.equals("\\t") ? "\t" : delimiter));
    }
    if (!spec.columns().isEmpty()) {
      options.add("names = [" + String.join(", ", quoted(spec.columns())) + "]");
    }
    String sniffed = "read_csv(" + String.join(", ", options) + ")";
    List<String> types = new ArrayList<>();
    for (String column : database.columns(sniffed).keySet()) {
      if (keys.contains(column)) {
        types.add(Database.quote(column) + ": 'VARCHAR'");
      }
    }
    if (types.isEmpty()) {
      return sniffed;
    }
    options.add("types = {" + String.join(", ", types) + "}");
    return "read_csv(" + String.join(", ", options) + ")";
  }

  private static List<String> quoted(List<String> texts) {
    return texts.stream().map(Database::quote).toList();
  }

  private static String stripped(@Nullable String sql) {
    return String.valueOf(sql).strip().replaceAll(";$", "");
  }
}
