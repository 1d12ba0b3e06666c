package io.tandem.data;

import io.tandem.config.SourceSpec;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** A delimited text file as a table expression; its dialect and types are found by looking. */
final class CsvFile {
  private final Database database;
  private final SourceSpec spec;
  private final String path;

  CsvFile(Database database, SourceSpec spec) {
    this.database = database;
    this.spec = spec;
    path = Database.quote(String.valueOf(spec.path()));
  }

  /**
   * The file with its columns' types.
   *
   * @param keys columns that are text, whatever they look like
   */
  String table(List<String> keys) {
    List<String> options = options();
    String sniffed = "read_csv(" + String.join(", ", options) + ")";
    List<String> types = new ArrayList<>();
    for (Map.Entry<String, String> column : database.columns(sniffed).entrySet()) {
      String name = Database.quote(column.getKey());
      if (keys.contains(column.getKey())) {
        types.add(name + ": 'VARCHAR'");
      } else if (column.getValue().equals("BIGINT") && spec.sql() == null) {
        // Only the head was looked at: decimals may follow.
        types.add(name + ": 'DOUBLE'");
      }
    }
    if (types.isEmpty()) {
      return sniffed;
    }
    options.add("types = {" + String.join(", ", types) + "}");
    return "read_csv(" + String.join(", ", options) + ")";
  }

  private List<String> options() {
    List<String> options = new ArrayList<>(List.of(path));
    options.add("header = " + spec.columns().isEmpty());
    options.add("encoding = " + Database.quote(spec.encoding()));
    // Left to itself, the database drops lines that look like a preamble or a comment.
    options.add("skip = 0");
    options.add("comment = ''");
    if (spec.delimiter() != null) {
      options.add("delim = " + Database.quote(delimiter()));
    }
    if (!spec.columns().isEmpty()) {
      options.add("names = [" + quoted(spec.columns()) + "]");
    }
    return options;
  }

  /**
   * Reads the whole file by the most likely dialect, for the message that names the line which has
   * none; returns when every line fits.
   */
  void readStrictly() {
    List<String> columns = spec.columns().isEmpty() ? headerFields() : spec.columns();
    List<String> types = columns.stream().map(c -> Database.quote(c) + ": 'VARCHAR'").toList();
    if (types.isEmpty()) {
      return;
    }
    database.number(
        """
        SELECT count(*) FROM read_csv(%s, auto_detect = false, header = %s, encoding = %s,
        delim = %s, quote = '"', escape = '"', columns = {%s})"""
            .formatted(
                path,
                spec.columns().isEmpty(),
                Database.quote(spec.encoding()),
                Database.quote(delimiter()),
                String.join(", ", types)));
  }

  private List<String> headerFields() {
    Path file = spec.path();
    if (file == null || !Files.isRegularFile(file)) {
      return List.of();
    }
    try (InputStream bytes = Files.newInputStream(file);
        BufferedReader text =
            new BufferedReader(
                new InputStreamReader(
                    file.toString().endsWith(".gz") ? new GZIPInputStream(bytes) : bytes,
                    StandardCharsets.ISO_8859_1))) {
      String header = text.readLine();
      return header == null
          ? List.of()
          : List.of(header.split(Pattern.quote(delimiter()), -1)).stream().distinct().toList();
    } catch (IOException unreadable) {
      return List.of();
    }
  }

  private String delimiter() {
    @Nullable String said = spec.delimiter();
    if (said != null) {
      return said.equals("\\t") ? "\t" : said;
    }
    return String.valueOf(spec.path()).contains(".tsv") ? "\t" : ",";
  }

  private static String quoted(List<String> texts) {
    return String.join(", ", texts.stream().map(Database::quote).toList());
  }
}
