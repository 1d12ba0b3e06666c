package io.tandem.data;

import static io.tandem.data.DataFolder.keys;
import static io.tandem.data.DataFolder.pairs;
import static io.tandem.data.DataFolder.values;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What kinds of files and databases are understood, and how their values arrive. */
final class SourcesTest {
  @TempDir Path temp;
  private DataFolder folder;

  @BeforeEach
  void open() {
    folder = new DataFolder(temp);
  }

  @Test
  void filesWithoutHeaderTakeTheirNamesFromTheSpecification() throws Exception {
    folder.write("u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n");

    try (Dataset dataset = folder.read("path: u.data, columns: [u, i, rating, at], time: at")) {
      assertThat(pairs(dataset, dataset.split().train())).containsExactly("196 242", "186 302");
      assertThat(dataset.split().train().time(1)).isEqualTo(891717742);
    }
  }

  @Test
  void delimitersMayBeLong() throws Exception {
    folder.write("movies.dat", "1::Toy Story (1995)::Animation|Comedy\n2::Jumanji::Fantasy\n");

    try (DatasetReader.Catalogue films =
        folder.catalogue("path: movies.dat, delimiter: '::', columns: [i, title, genres]")) {
      assertThat(values(films.attributes()))
          .containsEntry("title", List.of("'Toy Story (1995)'", "'Jumanji'"));
    }
  }

  @Test
  void quotedFieldsMayHoldDelimitersQuotesAndLineBreaks() throws Exception {
    folder.write("a.csv", "i,n\n\"a,b\",\"say \"\"hi\"\"\"\n\"c\nd\",plain\n");

    try (DatasetReader.Catalogue items = folder.catalogue("path: a.csv")) {
      assertThat(keys(items.keys())).containsExactly("a,b", "c\nd");
      assertThat(values(items.attributes())).containsEntry("n", List.of("'say \"hi\"'", "'plain'"));
    }
  }

  @Test
  void noLineIsTakenForACommentOrAPreamble() throws Exception {
    folder.write("a.csv", "i,n\n#1,a\n#2,b\n3,c\n");

    try (DatasetReader.Catalogue items = folder.catalogue("path: a.csv")) {
      assertThat(keys(items.keys())).containsExactly("#1", "#2", "3");
    }
  }

  @Test
  void otherEncodingsAreReadWhenSaid() throws Exception {
    String text = "u,i\nx,\u00e9t\u00e9\n";
    Files.write(temp.resolve("l.csv"), text.getBytes(StandardCharsets.ISO_8859_1));
    Files.write(temp.resolve("w.csv"), text.getBytes(StandardCharsets.UTF_16LE));
    Files.write(temp.resolve("b.csv"), ("\ufeff" + text).getBytes(StandardCharsets.UTF_8));

    for (String source :
        List.of("path: l.csv, encoding: latin-1", "path: w.csv, encoding: utf-16", "path: b.csv")) {
      try (Dataset dataset = folder.read(source)) {
        assertThat(pairs(dataset, dataset.split().train()))
            .as(source)
            .containsExactly("x \u00e9t\u00e9");
      }
    }
  }

  @Test
  void patternsReadSeveralFilesInTheOrderOfTheirNames() throws Exception {
    folder.write("part-2.csv", "u,i\nx,3\n");
    folder.write("part-1.csv", "u,i\nx,1\nx,2\n");

    try (Dataset dataset = folder.read("path: 'part-*.csv'")) {
      assertThat(keys(dataset.itemKeys())).containsExactly("1", "2", "3");
    }
  }

  @Test
  void foldersWithSpecialCharactersAreJustFolders() throws Exception {
    Path odd = Files.createDirectory(temp.resolve("it's [odd]?"));
    Files.writeString(odd.resolve("a.csv"), "u,i\nx,1\n");

    try (Dataset dataset = new DataFolder(odd).read("path: a.csv")) {
      assertThat(keys(dataset.itemKeys())).containsExactly("1");
    }
  }

  @Test
  void keysAreTextHoweverTheyLook() throws Exception {
    folder.write("a.csv", "u,i\n007,1.50\n7,2024-01-01\n,x\n".replace(",x", "1e3,x"));

    try (Dataset dataset = folder.read("path: a.csv")) {
      assertThat(keys(dataset.queryKeys())).containsExactly("007", "7", "1e3");
      assertThat(keys(dataset.itemKeys())).containsExactly("1.50", "2024-01-01", "x");
    }
  }

  @Test
  void numbersWithLeadingZerosStayText() throws Exception {
    folder.write("a.csv", "i,zip,n\n1,05201,1\n2,5201,0\n3,-3,-2\n");

    try (DatasetReader.Catalogue items = folder.catalogue("path: a.csv")) {
      assertThat(values(items.attributes()))
          .containsEntry("zip", List.of("'05201'", "'5201'", "'-3'"))
          .containsEntry("n", List.of("1.0", "0.0", "-2.0"));
    }
  }

  @Test
  void decimalsMayBeginFarDown() throws Exception {
    StringBuilder text = new StringBuilder("u,i,w,at\n");
    for (int row = 0; row < 30_000; row++) {
      text.append("u,").append(row).append(",1,").append(row).append('\n');
    }
    folder.write("a.csv", text + "u,last,2.5,30000.75\n");

    try (Dataset dataset =
        folder.read("path: a.csv, weight: w, time: at, where: w > 1.5 or \"at\" < 9")) {
      Interactions test = dataset.split().test();
      assertThat(pairs(dataset, test)).containsExactly("u last");
      assertThat(test.weight(0)).isEqualTo(2.5f);
      assertThat(test.time(0)).isEqualTo(30_000);
    }
  }

  @Test
  void timesMayBeDatesTimestampsOrSeconds() throws Exception {
    folder.write("date.csv", "u,i,at\nx,1,1970-01-03\n");
    folder.write("stamp.csv", "u,i,at\nx,1,1970-01-03 00:00:00.5\n");
    folder.write("zone.csv", "u,i,at\nx,1,1970-01-03T01:00:00+01:00\n");
    folder.write("number.csv", "u,i,at\nx,1,172800.9\n");
    folder.write("json.jsonl", "{\"u\": \"x\", \"i\": 1, \"at\": \"1970-01-03T00:00:00\"}\n");

    for (String name : List.of("date.csv", "stamp.csv", "zone.csv", "number.csv", "json.jsonl")) {
      try (Dataset dataset = folder.read("path: " + name + ", time: at")) {
        assertThat(dataset.split().train().time(0)).as(name).isEqualTo(172_800);
      }
    }
  }

  @Test
  void attributesOfParquetKeepTheirTypes() throws Exception {
    folder.sql(
        "x.db",
        """
        COPY (SELECT 'a' AS i, ['x', 'y'] AS tags, 1.5::DECIMAL(4, 2) AS price, true AS sold,
          DATE '1970-01-02' AS day, TIMESTAMP '1970-01-01 00:01:00' AS at, 7::HUGEINT AS huge
          UNION ALL SELECT 'b', NULL, NULL, false, NULL, NULL, NULL
          UNION ALL SELECT 'c', [], 2, NULL, DATE '1969-12-31', TIMESTAMP '1969-12-31 23:59:59.5', 0)
        TO 'FOLDER/a.parquet' (FORMAT parquet)""");

    try (DatasetReader.Catalogue items = folder.catalogue("path: a.parquet")) {
      assertThat(values(items.attributes()))
          .isEqualTo(
              Map.of(
                  "i", List.of("'a'", "'b'", "'c'"),
                  "tags", List.of("x+y", "-", ""),
                  "price", List.of("1.5", "-", "2.0"),
                  "sold", List.of("1.0", "0.0", "-"),
                  "day", List.of("86400 s", "-", "-86400 s"),
                  "at", List.of("60 s", "-", "-1 s"),
                  "huge", List.of("7.0", "-", "0.0")));
    }
  }

  @Test
  void databasesKeepTypesAndWholeNumberKeys() throws Exception {
    folder.sql(
        "shop.db",
        "CREATE TABLE t AS SELECT 42::DECIMAL(10, 0) AS i, 'n' AS n, true AS sold, 1.5::DECIMAL(4, 2) AS"
            + " price, TIMESTAMP '1970-01-02 00:00:00' AS at, DATE '1970-01-03' AS day"
            + " UNION ALL SELECT 43, NULL, NULL, NULL, NULL, NULL");

    try (DatasetReader.Catalogue items =
        folder.catalogue("jdbc: 'jdbc:duckdb:FOLDER/shop.db', sql: SELECT * FROM t ORDER BY i")) {
      assertThat(keys(items.keys())).containsExactly("42", "43");
      assertThat(values(items.attributes()))
          .containsEntry("n", List.of("'n'", "-"))
          .containsEntry("sold", List.of("1.0", "-"))
          .containsEntry("price", List.of("1.5", "-"))
          .containsEntry("at", List.of("86400 s", "-"))
          .containsEntry("day", List.of("172800 s", "-"));
    }
  }

  @Test
  void conditionsApplyToDatabasesToo() throws Exception {
    folder.sql("shop.db", "CREATE TABLE t AS SELECT range AS i, 'x' AS u FROM range(5)");

    try (Dataset dataset =
        folder.read("jdbc: 'jdbc:duckdb:FOLDER/shop.db', sql: SELECT * FROM t, where: i > 2")) {
      assertThat(keys(dataset.itemKeys())).containsExactly("3", "4");
    }
  }

  @Test
  void keyOnlySidesHaveTheirKeyAsTheOnlyColumn() throws Exception {
    folder.write("a.csv", "u,i\nx,1\ny,2\n");

    try (Dataset dataset = folder.read("path: a.csv")) {
      assertThat(values(dataset.queries())).isEqualTo(Map.of("u", List.of("'x'", "'y'")));
      assertThat(values(dataset.items())).isEqualTo(Map.of("i", List.of("'1'", "'2'")));
    }
  }

  @Test
  void keysThatOnlyInteractionsKnowLackEveryAttribute() throws Exception {
    folder.write("a.csv", "u,i\nx,1\ny,2\n");
    folder.write("items.csv", "i,n,day,t\n1,5,1970-01-02,word\n");

    try (Dataset dataset =
        DatasetReader.read(
            folder.spec(
                "{interactions: {path: a.csv, query: u, item: i}, items: {path: items.csv, key: i}}"))) {
      assertThat(values(dataset.items()))
          .isEqualTo(
              Map.of(
                  "i", List.of("'1'", "'2'"),
                  "n", List.of("5.0", "-"),
                  "day", List.of("86400 s", "-"),
                  "t", List.of("'word'", "-")));
    }
  }

  @Test
  void itemsOfProvidedTestsAreKnown() throws Exception {
    folder.write("a.csv", "u,i\nx,1\nx,2\n");
    folder.write("v.csv", "u,i\ny,3\n");
    folder.write("t.csv", "u,i\nz,4\nx,9\n");
    folder.write("items.csv", "i,n\n9,nine\n");

    try (Dataset dataset =
        DatasetReader.read(
            folder.spec(
                "{interactions: {path: a.csv, query: u, item: i}, items: {path: items.csv, key: i},"
                    + " split: {type: provided, test: t.csv, validation: v.csv}}"))) {
      assertThat(keys(dataset.queryKeys())).containsExactly("x", "y", "z");
      assertThat(keys(dataset.itemKeys())).containsExactly("9", "1", "2", "3", "4");
      assertThat(pairs(dataset, dataset.split().train())).containsExactly("x 1", "x 2");
      assertThat(pairs(dataset, dataset.split().validation())).containsExactly("y 3");
      assertThat(pairs(dataset, dataset.split().test())).containsExactly("x 9", "z 4");
      assertThat(dataset.items().size()).isEqualTo(5);
    }
  }

  @Test
  void attributesReadAgainAreTheSameInTheSameOrder() throws Exception {
    StringBuilder text = new StringBuilder("i,n\n");
    for (int row = 0; row < 20_000; row++) {
      text.append("k").append(row).append(',').append(row).append('\n');
    }
    folder.write("a.csv", text.toString());

    try (DatasetReader.Catalogue items = folder.catalogue("path: a.csv")) {
      Map<String, List<String>> values = values(items.attributes());
      assertThat(values(items.attributes())).isEqualTo(values);
      assertThat(values.get("n")).hasSize(20_000).startsWith("0.0", "1.0").endsWith("19999.0");
      assertThat(items.keys().indexOf("k12345")).isEqualTo(12_345);
    }
  }
}
