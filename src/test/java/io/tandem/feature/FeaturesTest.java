package io.tandem.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.DataException;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.data.Interactions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FeaturesTest {
  private static @Nullable Fixture fixture;

  @TempDir Path temporary;

  /** A small data set with a feature of every kind, fitted once. */
  private record Fixture(Path folder, ModelSpec spec, Dataset dataset, Features features) {}

  @BeforeAll
  @BeforeContainer
  static void fit() throws IOException {
    if (fixture != null) {
      return;
    }
    Path folder = Files.createTempDirectory("features");
    Files.writeString(
        folder.resolve("events.csv"),
        """
        user,item,at
        u1,a,1000000000
        u1,b,1000003600
        u1,a,1000007200
        u1,c,1000010800
        u2,b,1000000000
        u2,c,1000086400
        u2,d,1000086400
        """);
    Files.writeString(
        folder.resolve("items.csv"),
        """
        item,title,genres,price,year
        a,The Red Fox,x|y| x,10,1990
        b,red FOX!,y,,1991
        c,Ein Film über Été,,30,1992
        d,,z,20,1993
        cold,Never seen,z,40,1994
        """);
    Files.writeString(
        folder.resolve("users.csv"), "user,age,country\nu1,20,de\nu2,40,fr\nu3,,xx\n");
    Files.writeString(
        folder.resolve("model.yaml"),
        """
        data:
          interactions: {path: events.csv, query: user, item: item, time: at}
          queries: {path: users.csv, key: user}
          items: {path: items.csv, key: item}
        features:
          query:
            - {name: user, type: id, dim: 4}
            - {name: age, type: numeric, transform: standardize}
            - {name: history, type: sequence, of: item, max_length: 2}
            - {name: at, type: timestamp}
            - {name: country, type: categorical, dim: 2, min_count: 2, oov_buckets: 3}
          item:
            - {name: item, type: id, dim: 4}
            - {name: genres, type: bag, dim: 2}
            - {name: title, type: text, buckets: 50, dim: 3, ngrams: 2}
            - {name: price, type: numeric, transform: log1p}
            - {name: year, type: numeric, transform: bucketize, buckets: 2, dim: 2}
        """);
    ModelSpec spec = SpecReader.read(folder.resolve("model.yaml"), Map.of());
    Dataset dataset = DatasetReader.read(spec.data());
    fixture =
        new Fixture(folder, spec, dataset, Features.fit(spec.features(), spec.data(), dataset));
  }

  @AfterAll
  @AfterContainer
  static void close() {
    if (fixture != null) {
      fixture.dataset().close();
    }
  }

  @Test
  void historiesEndBeforeTheirEvent() {
    Fixture f = fixture();
    Interactions train = f.dataset().split().train();
    EventEncoder events = f.features().events(f.dataset());
    int slot = slot(f.features().querySchema(), "history");
    int u1 = f.dataset().queryKeys().indexOf("u1");
    for (int position = train.start(u1); position < train.end(u1); position++) {
      FeatureBatch batch = new FeatureBatch(f.features().querySchema());
      QueryContext context = QueryContext.of(train, train.start(u1), position, 0);
      events.encode(u1, context, batch);

      List<Integer> expected = new ArrayList<>();
      for (int p = Math.max(train.start(u1), position - 2); p < position; p++) {
        expected.add(itemRow(f.dataset().itemKeys().key(train.item(p))));
      }
      assertThat(ids(batch, slot, 0)).isEqualTo(expected);
    }
  }

  @Test
  void eventsAndServedQueriesEncodeAlike() {
    Fixture f = fixture();
    Interactions train = f.dataset().split().train();
    int u1 = f.dataset().queryKeys().indexOf("u1");
    FeatureBatch trained = new FeatureBatch(f.features().querySchema());
    QueryContext context = QueryContext.of(train, train.start(u1), train.end(u1), 1_000_010_800L);
    f.features().events(f.dataset()).encode(u1, context, trained);
    FeatureBatch served = new FeatureBatch(f.features().querySchema());
    List<String> history = new ArrayList<>();
    for (int p = train.start(u1); p < train.end(u1); p++) {
      history.add(f.dataset().itemKeys().key(train.item(p)));
    }

    f.features()
        .queries()
        .encode(
            new MapValues(
                Map.of("user", "u1", "age", "20", "country", "de", "at", "1000010800"),
                Map.of("history", history)),
            served);

    assertSameRow(trained, 0, served, 0);
  }

  @Test
  void itemsThatTrainingNeverMetAreLeftOutOfHistories() {
    Fixture f = fixture();
    int slot = slot(f.features().querySchema(), "history");
    FeatureBatch served = new FeatureBatch(f.features().querySchema());
    f.features()
        .queries()
        .encode(new MapValues(Map.of(), Map.of("history", List.of("a", "cold"))), served);
    assertThat(ids(served, slot, 0)).containsExactly(itemRow("a"));

    int[] items =
        List.of("a", "cold", "b", "c").stream()
            .mapToInt(item -> f.dataset().itemKeys().indexOf(item))
            .toArray();
    FeatureBatch positions = new FeatureBatch(f.features().querySchema());
    f.features().events(f.dataset()).encodePositions(0, items, new long[4], positions);
    assertThat(ids(positions, slot, 0)).isEmpty();
    assertThat(ids(positions, slot, 1)).containsExactly(itemRow("a"));
    assertThat(ids(positions, slot, 2)).containsExactly(itemRow("a"));
    assertThat(ids(positions, slot, 3)).containsExactly(itemRow("a"), itemRow("b"));
  }

  @Property(tries = 100)
  void anyValueAtAllIsEncodedWithinItsTable(@ForAll String text, @ForAll List<String> list) {
    Fixture f = fixture();
    Map<String, String> values = new HashMap<>();
    for (String column :
        List.of("user", "age", "at", "country", "item", "genres", "title", "price", "year")) {
      values.put(column, text);
    }
    MapValues any = new MapValues(values, Map.of("history", list));
    FeatureBatch queries = new FeatureBatch(f.features().querySchema());
    FeatureBatch items = new FeatureBatch(f.features().itemSchema());

    f.features().queries().encode(any, queries);
    f.features().items().encode(any, items);

    for (FeatureBatch batch : List.of(queries, items)) {
      for (int slot = 0; slot < batch.schema().slots().size(); slot++) {
        int rows = batch.schema().slots().get(slot).table().rows();
        assertThat(ids(batch, slot, 0)).allMatch(id -> id >= 0 && id < rows);
      }
      for (int i = 0; i < batch.schema().denseWidth(); i++) {
        assertThat(batch.dense()[i]).isFinite();
      }
    }
  }

  @Test
  void nothingAtAllIsEncodedToo() {
    Fixture f = fixture();
    FeatureBatch batch = new FeatureBatch(f.features().querySchema());

    f.features().queries().encode(new MapValues(Map.of(), Map.of()), batch);

    assertThat(batch.rows()).isEqualTo(1);
    assertThat(ids(batch, slot(batch.schema(), "history"), 0)).isEmpty();
  }

  @Test
  void columnThatTheSourceDoesNotHaveIsNamed() throws IOException {
    Fixture f = fixture();
    Path misspelt = f.folder().resolve("misspelt.yaml");
    String yaml = Files.readString(f.folder().resolve("model.yaml"));
    Files.writeString(misspelt, yaml.replace("name: genres", "name: genre"));
    ModelSpec spec = SpecReader.read(misspelt, Map.of());
    Features features = Features.fit(spec.features(), spec.data(), f.dataset());

    assertThatThrownBy(() -> features.items().encodeAll(f.dataset().items()))
        .isInstanceOf(DataException.class)
        .hasMessage(
            "items: no column 'genre' (the feature genre); the columns are genres, item, price,"
                + " title, year");
  }

  @Test
  void unknownAndRareValuesGoToOutOfVocabularyRows() {
    Fixture f = fixture();
    InputSchema schema = f.features().itemSchema();
    FeatureBatch items = f.features().items().encodeAll(f.dataset().items());
    int id = slot(schema, "item");

    // Item keys without a training interaction share row 0: a (twice in training), b, c, … have
    // own.
    assertThat(schema.slots().get(id).table().rows()).isEqualTo(1 + trainedItems());
    assertThat(ids(items, id, f.dataset().itemKeys().indexOf("cold"))).containsExactly(0);
    InputSchema.Slot country = f.features().querySchema().slots().get(2);
    assertThat(country.table().rows()).as("every country is rarer than min_count").isEqualTo(3);
  }

  @Test
  void bagsAreSplitTrimmedAndDistinct() {
    Fixture f = fixture();
    FeatureBatch items = f.features().items().encodeAll(f.dataset().items());
    int genres = slot(items.schema(), "genres");

    assertThat(ids(items, genres, 0)).hasSize(2);
    assertThat(ids(items, genres, 2)).isEmpty();
    assertThat(ids(items, genres, 3)).isEqualTo(ids(items, genres, 4));
  }

  @Test
  void wordsAreHashedWithoutCaseOrPunctuation() {
    Fixture f = fixture();
    FeatureBatch items = f.features().items().encodeAll(f.dataset().items());
    int title = slot(items.schema(), "title");

    assertThat(ids(items, title, 0)).hasSize(5).containsAll(ids(items, title, 1));
    assertThat(ids(items, title, 1)).hasSize(3);
    assertThat(ids(items, title, 3)).isEmpty();
  }

  @Test
  void numbersAreStandardizedAndMissingOnesFlagged() {
    Fixture f = fixture();
    FeatureBatch items = f.features().items().encodeAll(f.dataset().items());
    double[] logs = {Math.log1p(10), Math.log1p(30), Math.log1p(20), Math.log1p(40)};
    double mean = Arrays.stream(logs).average().orElseThrow();
    double deviation =
        Math.sqrt(Arrays.stream(logs).map(v -> (v - mean) * (v - mean)).average().orElseThrow());

    assertThat(items.schema().denseWidth()).isEqualTo(2);
    assertThat((double) items.dense()[0]).isCloseTo((logs[0] - mean) / deviation, within(1e-5));
    assertThat(items.dense()[1]).isZero();
    assertThat(items.dense()[2]).as("the price of b is missing").isZero();
    assertThat(items.dense()[3]).isEqualTo(1);
    int year = slot(items.schema(), "year");
    assertThat(ids(items, year, 0)).containsExactly(1);
    assertThat(ids(items, year, 4)).containsExactly(2);
  }

  @Test
  void timesBecomeAnglesAndAges() {
    Fixture f = fixture();
    FeatureBatch batch = new FeatureBatch(f.features().querySchema());
    // 2001-09-09, a Sunday, 01:46:40 UTC; the newest training event is an hour later.
    f.features().queries().encode(new MapValues(Map.of("at", "1000000000"), Map.of()), batch);
    int at = batch.schema().denseWidth() - 6;
    double hour = 2 * Math.PI * (1 + 46 / 60.0) / 24;

    assertThat((double) batch.dense()[at]).isCloseTo(Math.sin(hour), within(1e-5));
    assertThat((double) batch.dense()[at + 1]).isCloseTo(Math.cos(hour), within(1e-5));
    assertThat((double) batch.dense()[at + 2])
        .isCloseTo(Math.sin(2 * Math.PI * 6 / 7), within(1e-5));
    assertThat((double) batch.dense()[at + 4]).isCloseTo(Math.log1p(1 / 24.0), within(1e-5));
    assertThat(batch.dense()[at + 5]).isZero();
  }

  @Test
  void writtenEncodersEncodeAlikeAndDamagedOnesAreRefused() throws Exception {
    Fixture f = fixture();
    f.features().write(temporary);
    Features opened = Features.open(temporary);
    FeatureBatch expected = f.features().items().encodeAll(f.dataset().items());
    FeatureBatch found = opened.items().encodeAll(f.dataset().items());

    assertThat(opened.querySchema()).isEqualTo(f.features().querySchema());
    for (int row = 0; row < expected.rows(); row++) {
      assertSameRow(expected, row, found, row);
    }

    Path vocabulary = temporary.resolve("vocabulary-0.keys");
    byte[] bytes = Files.readAllBytes(vocabulary);
    Files.write(vocabulary, Arrays.copyOf(bytes, bytes.length - 1));
    assertThatThrownBy(() -> Features.open(temporary))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("vocabulary-0.keys");
    Files.writeString(temporary.resolve("features.json"), "{}");
    assertThatThrownBy(() -> Features.open(temporary)).isInstanceOf(DataException.class);
  }

  private static Fixture fixture() {
    if (fixture == null) {
      throw new IllegalStateException("fitted before every test");
    }
    return fixture;
  }

  private static int trainedItems() {
    return (int)
        Arrays.stream(fixture().dataset().split().train().itemCounts(5))
            .filter(count -> count > 0)
            .count();
  }

  private static int itemRow(String key) {
    FeatureBatch batch = new FeatureBatch(fixture().features().itemSchema());
    fixture().features().items().encode(new MapValues(Map.of("item", key), Map.of()), batch);
    return ids(batch, 0, 0).get(0);
  }

  private static int slot(InputSchema schema, String feature) {
    for (int slot = 0; slot < schema.slots().size(); slot++) {
      if (schema.slots().get(slot).feature().equals(feature)) {
        return slot;
      }
    }
    throw new AssertionError("no slot " + feature);
  }

  private static List<Integer> ids(FeatureBatch batch, int slot, int row) {
    List<Integer> ids = new ArrayList<>();
    for (int i = batch.start(slot, row); i < batch.end(slot, row); i++) {
      ids.add(batch.ids(slot)[i]);
    }
    return ids;
  }

  private static void assertSameRow(FeatureBatch a, int rowA, FeatureBatch b, int rowB) {
    int width = a.schema().denseWidth();
    for (int slot = 0; slot < a.schema().slots().size(); slot++) {
      assertThat(ids(b, slot, rowB)).isEqualTo(ids(a, slot, rowA));
    }
    assertThat(Arrays.copyOfRange(b.dense(), rowB * width, (rowB + 1) * width))
        .isEqualTo(Arrays.copyOfRange(a.dense(), rowA * width, (rowA + 1) * width));
  }

  /** Values from maps. */
  private record MapValues(Map<String, String> texts, Map<String, List<String>> lists)
      implements FeatureValues {
    @Override
    public @Nullable String text(String column) {
      return texts.get(column);
    }

    @Override
    public double number(String column) {
      return Values.number(text(column));
    }

    @Override
    public long time(String column) {
      return Values.time(number(column));
    }

    @Override
    public @Nullable List<String> list(String name) {
      return lists.get(name);
    }
  }
}
