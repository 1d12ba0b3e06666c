package io.tandem.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.DataSpec;
import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DatasetReaderTest {
  private static final String EVENTS =
      """
      user,item,stars,at
      u1,b,5,30
      u1,a,4,10
      u2,a,3,20
      u1,c,5,20
      u1,d,2,40
      """;
  private static final String ITEMS =
      """
      item,title,genres,year
      c,"Say ""hi"", now",x|y,1999
      a,Été,x,
      z,Never seen,,2001
      """;

  @TempDir Path folder;

  @Test
  void keysAndAttributesAreNumberedAlike() throws Exception {
    try (Dataset dataset = read("{path: events.csv, query: user, item: item, time: at}", true)) {
      assertThat(keys(dataset.itemKeys())).containsExactly("c", "a", "z", "b", "d");
      assertThat(keys(dataset.queryKeys())).containsExactly("u1", "u2");
      List<String> titles = new ArrayList<>();
      List<Double> years = new ArrayList<>();
      dataset
          .items()
          .forEachChunk(
              rows -> {
                Rows.Column.Text title = (Rows.Column.Text) rows.columns().get("title");
                Rows.Column.Numbers year = (Rows.Column.Numbers) rows.columns().get("year");
                for (int row = 0; row < rows.size(); row++) {
                  titles.add(rows.keys()[row] + ":" + (title == null ? null : title.values()[row]));
                  years.add(year == null ? Double.NaN : year.values()[row]);
                }
              });
      assertThat(titles)
          .containsExactly("c:Say \"hi\", now", "a:Été", "z:Never seen", "b:null", "d:null");
      assertThat(years).containsExactly(1999.0, Double.NaN, 2001.0, Double.NaN, Double.NaN);
    }
  }

  @Test
  void eventsAreInTimeOrderAndTheLastAreLeftOut() throws Exception {
    try (Dataset dataset = read("{path: events.csv, query: user, item: item, time: at}", false)) {
      assertThat(items(dataset, dataset.split().train(), 0)).containsExactly("a", "c");
      assertThat(items(dataset, dataset.split().validation(), 0)).containsExactly("b");
      assertThat(items(dataset, dataset.split().test(), 0)).containsExactly("d");
      assertThat(items(dataset, dataset.split().train(), 1)).containsExactly("a");
    }
  }

  @Test
  void conditionsSqlAndWeightsApply() throws Exception {
    String sql = "SELECT user, item, stars * 2 AS w FROM source WHERE stars < 9";
    try (Dataset dataset =
        read(
            "{path: events.csv, query: user, item: item, weight: w, sql: \"%s\", where: \"w > 6\"}"
                .formatted(sql),
            false)) {
      Interactions train = dataset.split().train();
      assertThat(items(dataset, train, 0)).containsExactly("b");
      assertThat(train.weight(0)).isEqualTo(10);
    }
  }

  @Test
  void compressedTabbedParquetAndJsonFilesReadAlike() throws Exception {
    write("events.csv", EVENTS);
    Path csv = folder.resolve("events.csv");
    Path gzip = folder.resolve("events.tsv.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(gzip))) {
      out.write(EVENTS.replace(',', '\t').getBytes(StandardCharsets.UTF_8));
    }
    try (Connection duckdb = DriverManager.getConnection("jdbc:duckdb:" + folder.resolve("x.db"));
        Statement statement = duckdb.createStatement()) {
      statement.execute("CREATE TABLE t AS SELECT * FROM read_csv('" + csv + "')");
      statement.execute("COPY t TO '" + folder.resolve("events.parquet") + "' (FORMAT parquet)");
      statement.execute("COPY t TO '" + folder.resolve("events.jsonl") + "' (FORMAT json)");
    }
    for (String source :
        List.of(
            "path: events.tsv.gz",
            "path: events.parquet",
            "path: events.jsonl",
            "jdbc: \"jdbc:duckdb:%s\", sql: SELECT * FROM t".formatted(folder.resolve("x.db")))) {
      try (Dataset dataset =
          read("{%s, query: user, item: item, time: at, weight: stars}".formatted(source), false)) {
        assertThat(items(dataset, dataset.split().train(), 0)).as(source).containsExactly("a", "c");
        assertThat(dataset.split().train().weight(0)).as(source).isEqualTo(4);
        assertThat(dataset.split().train().time(1)).as(source).isEqualTo(20);
      }
    }
  }

  @Test
  void whatIsWrongIsNamedWithItsPlace() throws Exception {
    assertRefused("missing.csv", "", "missing.csv: no such file");
    assertRefused("empty.csv", "", "empty.csv: the file is empty");
    assertRefused(
        "header.csv", "user,item,stars,at\n", "header.csv: expected interactions, found no rows");
    assertRefused(
        "other.csv", "user,thing,at\nu,i,1\n", "no column 'item' (the item); its columns are user");
    assertRefused(
        "text.csv",
        "user,item,at\nu,i,1\nu,j,soon\n",
        "text.csv: row 2, column 'at': expected a timestamp, a date or a number of seconds since"
            + " 1970, found 'soon'");
    assertRefused(
        "hole.csv",
        "user,item,at\nu,i,1\nu,,2\n",
        "hole.csv: row 2, column 'item': expected a key");
    StringBuilder late = new StringBuilder("user,item,at\n");
    for (int row = 0; row < 50_000; row++) {
      late.append("u").append(row).append(",i,").append(row).append('\n');
    }
    assertRefused("late.csv", late + "u,i,never\n", "late.csv: line 50002, column 'at': expected");
  }

  @Test
  void bytesThatAreNotTextAreNamed() throws Exception {
    Files.write(
        folder.resolve("latin.csv"),
        "user,item,at\nu,Été,1\nu,i,2\n".getBytes(StandardCharsets.ISO_8859_1));
    String spec = "{path: latin.csv, query: user, item: item, time: at}";
    assertThatThrownBy(() -> read(spec, false))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("latin.csv")
        .hasMessageContaining("encoding: latin-1");
    try (Dataset dataset = read(spec.replace("{", "{encoding: latin-1, "), false)) {
      assertThat(keys(dataset.itemKeys())).containsExactly("Été", "i");
    }
  }

  @Test
  void repeatedKeysAreNamed() throws Exception {
    write("items.csv", ITEMS + "a,Again,x,2002\n");
    write("events.csv", EVENTS);
    DataSpec spec =
        spec("{path: events.csv, query: user, item: item}", "{path: items.csv, key: item}").data();
    assertThatThrownBy(() -> DatasetReader.read(spec))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("expected each key once, found 'a' in rows 2 and 4");
  }

  private void assertRefused(String name, String content, String message) throws IOException {
    if (!name.startsWith("missing")) {
      write(name, content);
    }
    assertThatThrownBy(
            () -> read("{path: %s, query: user, item: item, time: at}".formatted(name), false))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(message);
  }

  private Dataset read(String interactions, boolean items) throws IOException {
    write("events.csv", EVENTS);
    write("items.csv", ITEMS);
    return DatasetReader.read(
        spec(interactions, items ? "{path: items.csv, key: item}" : "").data());
  }

  private ModelSpec spec(String interactions, String items) throws IOException {
    write(
        "model.yaml",
        "data:\n  interactions: %s\n%s"
            .formatted(interactions, items.isEmpty() ? "" : "  items: " + items + "\n"));
    return SpecReader.read(folder.resolve("model.yaml"), Map.of());
  }

  private void write(String name, String content) throws IOException {
    Files.writeString(folder.resolve(name), content);
  }

  private static List<String> keys(KeyTable table) {
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < table.size(); i++) {
      keys.add(table.key(i));
    }
    return keys;
  }

  private static List<String> items(Dataset dataset, Interactions interactions, int query) {
    List<String> items = new ArrayList<>();
    for (int p = interactions.start(query); p < interactions.end(query); p++) {
      items.add(dataset.itemKeys().key(interactions.item(p)));
    }
    return items;
  }
}
