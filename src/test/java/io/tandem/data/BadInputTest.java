package io.tandem.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One clear message for whatever is wrong with the data, and the process lives on. */
final class BadInputTest {
  @TempDir Path temp;
  private DataFolder folder;

  @BeforeEach
  void open() {
    folder = new DataFolder(temp);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "nan", "inf", "-0.5"})
  void weightsMustBeNumbersOfAtLeastZero(String weight) throws Exception {
    folder.write("a.csv", "u,i,w\nx,1,0\ny,2,2.5\nz,3," + weight + "\n");

    assertRefused(
        "path: a.csv, weight: w",
        "a.csv: row 3, column 'w': expected a weight of at least 0, found '");
  }

  @Test
  void textInTheWeightsIsFoundWithItsRow() throws Exception {
    folder.write("a.csv", "u,i,w\nx,1,1\ny,2,two\n");

    assertRefused(
        "path: a.csv, weight: w", "a.csv: row 2, column 'w': expected a number, found 'two'");
  }

  @Test
  void weightsMayNotBeMissing() throws Exception {
    folder.write("a.csv", "u,i,w\nx,1,1\ny,2,\n");

    assertRefused(
        "path: a.csv, weight: w", "a.csv: row 2, column 'w': expected a weight, found nothing");
  }

  @Test
  void wrongTypeFarDownIsFoundWithItsLine() throws Exception {
    StringBuilder text = new StringBuilder("u,i,w\n");
    for (int row = 0; row < 30_000; row++) {
      text.append("u,").append(row).append(",1\n");
    }
    folder.write("a.csv", text + "u,x,heavy\n");

    assertRefused(
        "path: a.csv, weight: w",
        "a.csv: line 30002, column 'w': expected a number, found 'heavy'");
  }

  @Test
  void rowsAreCountedBeforeTheConditionDropsAny() throws Exception {
    folder.write("a.csv", "u,i,w\nx,1,-1\ny,2,1\nz,3,-7\n");

    assertRefused("path: a.csv, weight: w, where: u <> 'x'", "row 3, column 'w'");
  }

  @Test
  void queriesMayNotBeMissing() throws Exception {
    folder.write("a.csv", "u,i\nx,1\n,2\n");

    assertRefused("path: a.csv", "a.csv: row 2, column 'u': expected a key of a query, found");
  }

  @Test
  void missingColumnIsAnsweredWithTheColumnsThatExist() throws Exception {
    folder.write("a.csv", "user,i,when\nx,1,3\n");

    assertRefused("path: a.csv", "a.csv: no column 'u' (the query); its columns are user, i, when");
    folder.write("b.csv", "u,i,when\nx,1,3\n");
    assertRefused("path: b.csv, time: at", "b.csv: no column 'at' (the time)");
    assertRefused("path: b.csv, weight: n", "b.csv: no column 'n' (the weight)");
  }

  @Test
  void conditionThatNothingMeetsIsNamed() throws Exception {
    folder.write("a.csv", "u,i\nx,1\n");

    assertRefused(
        "path: a.csv, where: u = 'z'",
        "a.csv: expected interactions, found none of its 1 rows that meets 'where'");
  }

  @Test
  void mistakesInSqlAreTheDatabasesWords() throws Exception {
    folder.write("a.csv", "u,i\nx,1\n");

    assertRefused("path: a.csv, where: 'nothing ='", "a.csv: ");
    assertRefused("path: a.csv, where: rating > 3", "rating");
    assertRefused("path: a.csv, sql: SELECT FROM nowhere", "a.csv: ");
    assertRefused("path: a.csv, sql: DROP TABLE source", "a.csv: ");
  }

  @Test
  void rowsOfOtherLengthAreFoundWithTheirLine() throws Exception {
    folder.write("a.csv", "u,i\n" + "x,1\n".repeat(100) + "y,2,3,4\n" + "x,1\n".repeat(100));

    for (String source : new String[] {"path: a.csv", "path: a.csv, delimiter: ','"}) {
      assertRefused(source, "a.csv: line 102: expected 2 fields, found more");
    }
    folder.write("b.csv", "u,i\n" + "x,1\n".repeat(30_000) + "y\n");
    assertRefused("path: b.csv", "b.csv: line 30002: expected 2 fields, found 1");
  }

  @Test
  void filesThatAreNotWhatTheirNameSaysAreRefused() throws Exception {
    folder.write("text.parquet", "u,i\nx,1\n");
    folder.write("text.csv.gz", "u,i\nx,1\n");
    folder.write("broken.jsonl", "{\"u\": 1, \"i\": 2}\n{\"u\": 1, \"i\": \n");
    Files.createDirectory(temp.resolve("folder.csv"));

    assertRefused("path: text.parquet", "text.parquet: ");
    assertRefused("path: text.csv.gz", "text.csv.gz: ");
    assertRefused("path: broken.jsonl", "broken.jsonl: ");
    assertRefused("path: folder.csv", "folder.csv: expected a readable file");
  }

  @Test
  void filesCutShortAreRefused() throws Exception {
    folder.sql(
        "x.db",
        "CREATE TABLE t AS SELECT range AS u, range * 7 AS i FROM range(10000)",
        "COPY t TO 'FOLDER/whole.parquet' (FORMAT parquet)",
        "COPY t TO 'FOLDER/whole.csv.gz'");
    for (String name : new String[] {"whole.parquet", "whole.csv.gz"}) {
      byte[] whole = Files.readAllBytes(temp.resolve(name));
      String cut = name.replace("whole", "cut");
      Files.write(temp.resolve(cut), Arrays.copyOf(whole, whole.length / 2));

      assertRefused("path: " + cut, cut + ": ");
    }
  }

  @Test
  void patternThatNoFileMatchesIsRefused() throws Exception {
    assertRefused("path: part-*.csv", "part-*.csv");
  }

  @Test
  void bytesThatAreNotUtf8AreNamedFarDownToo() throws Exception {
    byte[] text =
        ("u,i\n" + "x,1\n".repeat(30_000) + "caf\u00e9,2\n").getBytes(StandardCharsets.ISO_8859_1);
    Files.write(temp.resolve("a.csv"), text);

    assertRefused(
        "path: a.csv",
        "a.csv: line 30002: expected text in UTF-8, found other bytes; say encoding: latin-1");
  }

  @Test
  void databasesThatCannotBeReachedAreNamed() throws Exception {
    assertRefused("jdbc: 'jdbc:nothing:here', sql: SELECT 1", "jdbc:nothing:here: ");
    assertRefused("jdbc: 'jdbc:duckdb:FOLDER/no/such.db', sql: SELECT 1", "such.db: ");
    assertRefused("jdbc: 'jdbc:duckdb:', sql: SELECT * FROM absent", "absent");
    assertRefused("jdbc: 'jdbc:duckdb:', sql: SELECT 1 AS u", "no column 'i'");
  }

  @Test
  void passwordsStayOutOfMessages() throws Exception {
    for (String url :
        new String[] {
          "jdbc:nothing://host/db?user=me&password=hunter2&ssl=true",
          "jdbc:nothing://me:hunter2@host/db"
        }) {
      assertThatThrownBy(() -> folder.read("jdbc: '" + url + "', sql: SELECT 1"))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("jdbc:nothing")
          .hasMessageNotContaining("hunter2");
    }
  }

  @Test
  void keysOfEntitiesMustBeThereOnce() throws Exception {
    folder.write("hole.csv", "i,n\n1,a\n,b\n");
    folder.write("twice.csv", "i,n\n1,a\n2,b\n1,c\n");
    folder.write("none.csv", "i,n\n");
    folder.write("other.csv", "id,n\n1,a\n");

    assertCatalogueRefused(
        "hole.csv", "hole.csv: row 2, column 'i': expected a key, found nothing");
    assertCatalogueRefused(
        "twice.csv", "twice.csv: column 'i': expected each key once, found '1' in rows 1 and 3");
    assertCatalogueRefused("none.csv", "none.csv: no rows");
    assertCatalogueRefused("other.csv", "no column 'i' (the key); its columns are id, n");
  }

  @Test
  void providedTestsAreCheckedAsInteractionsAre() throws Exception {
    folder.write("a.csv", "u,i\nx,1\n");
    folder.write("t.csv", "u,thing\nx,1\n");

    assertThatThrownBy(
            () ->
                DatasetReader.read(
                    folder.spec(
                        "{interactions: {path: a.csv, query: u, item: i},"
                            + " split: {type: provided, test: t.csv}}")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("t.csv: no column 'i'");
  }

  private void assertCatalogueRefused(String file, String message) {
    assertThatThrownBy(() -> folder.catalogue("path: " + file))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(message);
  }

  private void assertRefused(String source, String message) {
    assertThatThrownBy(() -> folder.read(source))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(message)
        .satisfies(refused -> assertThat(refused.getMessage()).isNotNull().doesNotContain("\n"));
  }
}
