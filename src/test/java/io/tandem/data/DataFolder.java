package io.tandem.data;

import io.tandem.config.DataSpec;
import io.tandem.config.SpecReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Source files of a test, and what is read from them in plain words. */
record DataFolder(Path path) {

  Path write(String name, String content) throws IOException {
    return Files.write(path.resolve(name), content.getBytes(StandardCharsets.UTF_8));
  }

  /** Runs statements in a database file; {@code FOLDER} stands for the folder. */
  void sql(String database, String... statements) throws SQLException {
    try (Connection duckdb = DriverManager.getConnection("jdbc:duckdb:" + path.resolve(database));
        Statement statement = duckdb.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql.replace("FOLDER", path.toString()));
      }
    }
  }

  /** The data section, in YAML; {@code FOLDER} stands for the folder. */
  DataSpec spec(String data) throws IOException {
    Path file = write("spec.yaml", "data: " + data.replace("FOLDER", path.toString()) + "\n");
    return SpecReader.read(file, Map.of()).data();
  }

  /** Reads interactions alone; {@code source} holds the keys that say where they are. */
  Dataset read(String source) throws IOException {
    return DatasetReader.read(spec("{interactions: {%s, query: u, item: i}}".formatted(source)));
  }

  /** Reads a catalogue whose key is {@code i}. */
  DatasetReader.Catalogue catalogue(String source) throws IOException {
    String data = "{interactions: {path: x, query: u, item: i}, items: {%s, key: i}}";
    return DatasetReader.readCatalogue(
        Objects.requireNonNull(spec(data.formatted(source)).items()));
  }

  static List<String> keys(KeyTable table) {
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < table.size(); i++) {
      keys.add(table.key(i));
    }
    return keys;
  }

  /** "query item" of every interaction of a part. */
  static List<String> pairs(Dataset dataset, Interactions part) {
    List<String> pairs = new ArrayList<>();
    for (int position = 0; position < part.size(); position++) {
      String query = dataset.queryKeys().key(part.query(position));
      pairs.add(query + " " + dataset.itemKeys().key(part.item(position)));
    }
    return pairs;
  }

  /** All rows of a table, by column; every value as text, a missing one as {@code -}. */
  static Map<String, List<String>> values(Attributes attributes) {
    Map<String, List<String>> values = new LinkedHashMap<>();
    attributes.forEachChunk(
        rows ->
            rows.columns()
                .forEach(
                    (name, column) -> {
                      List<String> all = values.computeIfAbsent(name, n -> new ArrayList<>());
                      for (int row = 0; row < rows.size(); row++) {
                        all.add(value(column, row));
                      }
                    }));
    return values;
  }

  private static String value(Rows.Column column, int row) {
    if (column instanceof Rows.Column.Text text) {
      return text.values()[row] == null ? "-" : "'" + text.values()[row] + "'";
    }
    if (column instanceof Rows.Column.TextList list) {
      String[] values = list.values()[row];
      return values == null ? "-" : String.join("+", values);
    }
    if (column instanceof Rows.Column.Times times) {
      return times.values()[row] == Long.MIN_VALUE ? "-" : times.values()[row] + " s";
    }
    double number = ((Rows.Column.Numbers) column).values()[row];
    return Double.isNaN(number) ? "-" : String.valueOf(number);
  }
}
