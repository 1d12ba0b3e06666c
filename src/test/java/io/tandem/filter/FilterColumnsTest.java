package io.tandem.filter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.data.Attributes;
import io.tandem.data.DataException;
import io.tandem.data.Rows;
import io.tandem.feature.RowValues;
import io.tandem.index.RowSet;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FilterColumnsTest {
  private static final Items ITEMS = new Items(950, 3);
  private static Path shared = Path.of("");
  private static FilterColumns columns = FilterColumns.none(0);

  @BeforeContainer
  static void writeColumns() throws IOException {
    shared = java.nio.file.Files.createTempDirectory("columns");
    columns = write(ITEMS, shared);
  }

  @AfterContainer
  static void remove() throws IOException {
    for (String file : shared.toFile().list()) {
      java.nio.file.Files.delete(shared.resolve(file));
    }
    java.nio.file.Files.delete(shared);
  }

  @Property(tries = 1000)
  void theRowsOfAFilterAreThoseOfItsDefinition(@ForAll("filters") Filter filter) {
    RowSet rows = columns.rows(filter);
    List<Integer> found = new ArrayList<>();
    for (int row = rows.next(0); row >= 0; row = rows.next(row + 1)) {
      found.add(row);
    }
    List<Integer> expected = new ArrayList<>();
    for (int row = 0; row < ITEMS.size(); row++) {
      if (Filters.slow(filter, ITEMS.items.get(row))) {
        expected.add(row);
      }
    }
    assertThat(found).isEqualTo(expected);
    assertThat(rows.bound()).isEqualTo(ITEMS.size());
  }

  @Property(tries = 300)
  void anItemByItselfIsJudgedAsARowOfTheColumns(@ForAll("filters") Filter filter) {
    RowSet rows = columns.rows(filter);
    RowValues values = new RowValues(Items.rows(ITEMS.items.subList(0, 60)), Set.of());
    for (int row = 0; row < 60; row++) {
      assertThat(columns.matches(filter, values.at(row))).isEqualTo(rows.contains(row));
    }
  }

  @Provide
  Arbitrary<Filter> filters() {
    return Filters.overItems();
  }

  @Test
  void whatAColumnDoesNotHoldIsNamedWithWhatThereIs(@TempDir Path folder) throws IOException {
    FilterColumns opened = write(ITEMS, folder);
    assertThatThrownBy(() -> opened.rows(Filter.equal("gnres", "Drama")))
        .isInstanceOf(FilterException.class)
        .hasMessage(
            "filter: no column 'gnres'; the columns are text (categories), bag (categories),"
                + " textNumber (numbers), list (categories), number (numbers), time (times)");
    assertThatThrownBy(() -> opened.rows(Filter.range("bag").atLeast(3)))
        .hasMessage(
            "filter: expected =, 'in' or 'is missing' for column 'bag', which holds texts, found a"
                + " range");
    assertThatThrownBy(() -> opened.rows(Filter.parse("number = 'seven'")))
        .hasMessage("filter: expected a number to compare column 'number' with, found 'seven'");
    assertThatThrownBy(() -> opened.rows(Filter.parse("time >= 'yesterday'")))
        .hasMessage(
            "filter: expected a time such as '2024-05-01' or '2024-05-01T12:00:00Z' to compare"
                + " column 'time' with, found 'yesterday'");
    assertThatThrownBy(() -> FilterColumns.none(3).rows(Filter.equal("a", 1)))
        .hasMessage("filter: no column 'a'; this version has no columns to filter by");
  }

  @Test
  void aColumnOfTooManyTextsIsLeftOutAndSaysSo(@TempDir Path folder) throws IOException {
    FilterColumns opened =
        write(new Same(CategoryColumn.LIMIT + 1, i -> "text " + i, i -> Double.NaN), folder);
    assertThat(opened.names()).containsExactly("number");
    assertThatThrownBy(() -> opened.rows(Filter.equal("text", "text 5")))
        .hasMessage(
            "filter: column 'text' cannot be filtered by: it has more than 100,000 distinct"
                + " values; the columns are number (numbers)");
    assertThat(opened.rows(Filter.missing("number")).cardinality())
        .isEqualTo(CategoryColumn.LIMIT + 1);
    assertThat(opened.rows(Filter.range("number").atLeast(0)).cardinality()).isZero();
  }

  @Test
  void manyDistinctNumbersAreNeverRounded(@TempDir Path folder) throws IOException {
    double step = Math.ulp(1.0);
    FilterColumns opened = write(new Same(200_000, i -> "x", i -> 1 + i * step), folder);
    Filter from = Filter.range("number").above(1 + 1000 * step).atMost(1 + 1003 * step);
    assertThat(opened.rows(from).next(0)).isEqualTo(1001);
    assertThat(opened.rows(from).cardinality()).isEqualTo(3);
    assertThat(opened.rows(Filter.equal("text", "x")).cardinality()).isEqualTo(200_000);
  }

  @Test
  void columnsOfAnotherNumberOfItemsAreRefused(@TempDir Path folder) throws IOException {
    write(ITEMS, folder);
    assertThatThrownBy(() -> FilterColumns.open(folder, 10))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("expected format 1 and 10 items, found 1 and 950");
  }

  private static FilterColumns write(Attributes items, Path folder) throws IOException {
    FilterColumns.Writer writer = new FilterColumns.Writer("key", Items.FEATURES);
    items.forEachChunk(writer::add);
    writer.write(
        new FilterColumns.Target() {
          @Override
          public Path path(String name) {
            return folder.resolve(name);
          }

          @Override
          public OutputStream create(String name) throws IOException {
            return java.nio.file.Files.newOutputStream(folder.resolve(name));
          }
        });
    return FilterColumns.open(folder, items.size());
  }

  /** A column of texts and one of numbers, worked out from the row. */
  private record Same(
      int size,
      java.util.function.IntFunction<String> text,
      java.util.function.IntToDoubleFunction number)
      implements Attributes {
    @Override
    public void forEachChunk(Consumer<Rows> consumer) {
      String[] texts = new String[size];
      double[] numbers = new double[size];
      Arrays.setAll(texts, text);
      Arrays.setAll(numbers, number);
      consumer.accept(
          new Rows(
              texts,
              Map.of(
                  "text",
                  new Rows.Column.Text(texts),
                  "number",
                  new Rows.Column.Numbers(numbers))));
    }
  }
}
