package io.tandem.retrieval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.filter.Filter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Items that change between rebuilds, over two towers of fresh weights and an exact index. */
class ItemsTest {
  private static final String FLAT = "{type: flat}";
  private static final Retrieve ALL = Retrieve.top(10_000);

  @TempDir Path folder;
  private Path store = Path.of("");

  @BeforeEach
  void publish() throws IOException {
    store = folder.resolve("store");
    TestModels.publishTowers(folder, Store.create(store), FLAT);
  }

  @Test
  void anItemAddedLikeAnotherIsFoundBesideIt() {
    try (Retriever retriever = Retriever.open(store)) {
      Query query = queries(1).get(0);
      // m77 has interactions of its own, and so an embedding by its key: a cold twin has not.
      retriever.items().put("twin one", film("Film né 77", 1977));
      retriever.items().put("twin two", film("Film né 77", 1977));
      assertThat(retriever.size()).isEqualTo(TestModels.ITEMS + 2);
      List<Hit> hits = retriever.retrieve(query, ALL);
      assertThat(hits).hasSize(TestModels.ITEMS + 2);
      assertDescending(hits);
      assertThat(score(hits, "twin one")).isEqualTo(score(hits, "twin two"));
      assertThat(keys(hits).indexOf("twin two")).isEqualTo(keys(hits).indexOf("twin one") + 1);
      List<Hit> near = retriever.similar("twin one", ALL);
      assertThat(keys(near)).hasSize(TestModels.ITEMS + 1).doesNotContain("twin one");
      assertThat(score(near, "twin two"))
          .isCloseTo(near.get(0).score(), org.assertj.core.data.Offset.offset(1e-6f));
      assertThat(retriever.attributes("twin one"))
          .isEqualTo(Map.of("title", "Film né 77", "genres", "C", "year", "1977"));
    }
  }

  @Test
  void anItemReplacedByItselfScoresAsBefore() {
    try (Retriever retriever = Retriever.open(store)) {
      Query query = queries(1).get(0);
      List<Hit> before = retriever.retrieve(query, ALL);
      retriever.items().put("m77", film("Film né 77", 1977));
      List<Hit> after = retriever.retrieve(query, ALL);
      assertThat(keys(after)).hasSize(TestModels.ITEMS).doesNotHaveDuplicates();
      assertThat(score(after, "m77"))
          .isCloseTo(score(before, "m77"), org.assertj.core.data.Offset.offset(1e-5f));
      retriever.items().put("m77", film("quite another title", 1901));
      assertThat(score(retriever.retrieve(query, ALL), "m77")).isNotEqualTo(score(before, "m77"));
      assertThat(retriever.size()).isEqualTo(TestModels.ITEMS);
    }
  }

  @Test
  void whatIsRemovedIsGoneEverywhereHoweverMuchItIs() {
    try (Retriever retriever = Retriever.open(store)) {
      Query query = queries(1).get(0);
      List<String> ranking = keys(retriever.retrieve(query, ALL));
      for (int best : new int[] {1, 100, 127, 128, 129, 300, 599}) {
        retriever.items().removeAll(ranking.subList(0, best));
        List<String> left = ranking.subList(best, ranking.size());
        assertThat(retriever.size()).isEqualTo(left.size());
        assertThat(keys(retriever.retrieve(query, ALL))).isEqualTo(left);
        assertThat(keys(retriever.retrieve(query, Retrieve.top(5))))
            .isEqualTo(left.subList(0, Math.min(5, left.size())));
        Retrieve more = Retrieve.top(5).exclude(left.subList(0, Math.min(2, left.size())));
        assertThat(keys(retriever.retrieve(query, more)))
            .isEqualTo(left.subList(Math.min(2, left.size()), Math.min(7, left.size())));
        // Which of equal scores a batch keeps at its cut is left open.
        for (List<Hit> hits : retriever.retrieve(List.of(query, query), Retrieve.top(5))) {
          assertThat(left).containsAll(keys(hits));
          List<Hit> alone = retriever.retrieve(query, Retrieve.top(5));
          assertThat(hits).hasSameSizeAs(alone);
          for (int rank = 0; rank < hits.size(); rank++) {
            // A product of matrices adds up in another order than one of vectors.
            assertThat(hits.get(rank).score())
                .isCloseTo(alone.get(rank).score(), org.assertj.core.data.Offset.offset(1e-5f));
          }
        }
      }
      assertThat(retriever.attributes(ranking.get(0))).isEmpty();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> retriever.similar(ranking.get(0), 1))
          .withMessage("expected the key of one of 1 items, found '%s'".formatted(ranking.get(0)));
    }
  }

  @Test
  void filtersExclusionsAndBatchesHoldForAddedItems() {
    try (Retriever retriever = Retriever.open(store)) {
      Random random = new Random(3);
      Map<String, Item> items = new LinkedHashMap<>();
      Map<String, Integer> years = new LinkedHashMap<>();
      for (int i = 0; i < 200; i++) {
        // Replaces some, adds others.
        String key = "m" + (500 + i);
        years.put(key, 1800 + random.nextInt(50));
        items.put(key, film("Film", years.get(key)));
      }
      retriever.items().putAll(items);
      assertThat(retriever.size()).isEqualTo(700);
      for (int year : new int[] {1799, 1800, 1805, 1820, 1850}) {
        Filter filter = Filter.range("year").above(1700).atMost(year);
        Set<String> allowed = new HashSet<>();
        years.forEach((key, value) -> allowed.addAll(value <= year ? Set.of(key) : Set.of()));
        for (Query query : queries(3)) {
          List<String> hits = keys(retriever.retrieve(query, ALL.where(filter)));
          assertThat(hits).containsExactlyInAnyOrderElementsOf(allowed);
          int cut = Math.min(3, hits.size());
          Retrieve rest = Retrieve.top(4).where(filter).exclude(hits.subList(0, cut));
          assertThat(keys(retriever.retrieve(query, rest)))
              .isEqualTo(hits.subList(cut, Math.min(cut + 4, hits.size())));
        }
      }
      List<Query> queries = queries(6);
      for (Retrieve request :
          List.of(
              Retrieve.top(30),
              Retrieve.top(30).excludeSeen(),
              Retrieve.top(30).where("genres", "C"),
              Retrieve.top(30).exclude(items.keySet()))) {
        List<List<String>> one =
            queries.stream().map(query -> keys(retriever.retrieve(query, request))).toList();
        assertThat(retriever.retrieve(queries, request).stream().map(ItemsTest::keys).toList())
            .isEqualTo(one);
      }
      assertThat(keys(retriever.retrieve(queries.get(0), ALL.exclude(items.keySet()))))
          .doesNotContainAnyElementsOf(items.keySet())
          .hasSize(500);
    }
  }

  @Test
  void aSeenItemStaysSeenWhenItIsReplaced() {
    try (Retriever retriever = Retriever.open(store)) {
      Query known = Query.builder().put("userId", "u4").build();
      Set<String> seen = new HashSet<>(keys(retriever.retrieve(known, ALL)));
      keys(retriever.retrieve(known, ALL.excludeSeen())).forEach(seen::remove);
      Map<String, Item> replaced = new LinkedHashMap<>();
      seen.forEach(key -> replaced.put(key, film("Film", 1999)));
      retriever.items().putAll(replaced);
      assertThat(keys(retriever.retrieve(known, ALL.excludeSeen())))
          .hasSize(TestModels.ITEMS - seen.size())
          .doesNotContainAnyElementsOf(seen);
      retriever.items().put("new", film("Film", 1999));
      Query given = Query.builder().putSequence("history", List.of("new", "m3")).build();
      assertThat(keys(retriever.retrieve(given, ALL.excludeSeen())))
          .hasSize(TestModels.ITEMS - 1)
          .doesNotContain("new", "m3");
    }
  }

  @Test
  void changesSurviveRestartAndRemovalsOfAdditions() {
    List<Hit> before;
    Query query = queries(1).get(0);
    try (Retriever retriever = Retriever.open(store)) {
      retriever.items().put("a", film("One", 1990));
      retriever.items().put("b", film("Two", 1991));
      retriever.items().remove("a");
      retriever.items().remove("m1");
      retriever.items().remove("no such item");
      before = retriever.retrieve(query, ALL);
    }
    try (Retriever retriever = Retriever.open(store)) {
      assertThat(retriever.retrieve(query, ALL)).isEqualTo(before);
      assertThat(keys(before)).hasSize(600).contains("b").doesNotContain("a", "m1");
      retriever.items().put("m1", film("Back", 1992));
      assertThat(keys(retriever.retrieve(query, ALL))).hasSize(601).contains("m1");
    }
  }

  @Test
  void aNewVersionTakesOverWhatItDoesNotContainAndARollbackBringsTheRestBack()
      throws IOException, InterruptedException {
    Query query = queries(1).get(0);
    Store versions = Store.open(store);
    try (Retriever retriever = Retriever.open(store)) {
      retriever.items().put("early", film("One", 1990));
      retriever.items().remove("m1");
      Thread.sleep(5); // the new version's items are read after the changes
      TestModels.publishTowers(folder, versions, FLAT);
      retriever.items().put("late", film("Two", 1991));
      retriever.items().remove("m2");
      assertThat(keys(retriever.retrieve(query, ALL)))
          .contains("early", "late")
          .doesNotContain("m1", "m2");
      assertThat(retriever.refresh()).isTrue();
      // What came before the new version was read is what it says, what came after counts on.
      assertThat(keys(retriever.retrieve(query, ALL)))
          .contains("late", "m1")
          .doesNotContain("early", "m2")
          .hasSize(600);
      versions.rollback();
      assertThat(retriever.refresh()).isTrue();
      assertThat(keys(retriever.retrieve(query, ALL)))
          .contains("early", "late")
          .doesNotContain("m1", "m2");
    }
  }

  @Test
  void whatAnotherProcessChangesIsTakenOverWhenLookedFor() {
    try (Retriever writer = Retriever.open(store);
        Retriever reader = Retriever.open(store)) {
      writer.items().put("a", film("One", 1990));
      assertThat(reader.size()).isEqualTo(600);
      assertThat(reader.refresh()).isFalse();
      assertThat(reader.size()).isEqualTo(601);
      assertThatThrownBy(() -> reader.items().remove("a"))
          .isInstanceOf(ArtifactException.class)
          .hasMessageContaining("expected no other to change items");
      assertThat(reader.size()).isEqualTo(601);
    }
  }

  @Test
  void aMisspeltColumnIsNamedAndNothingChanges() {
    Retriever retriever = Retriever.open(store);
    try (retriever) {
      Item item = Item.builder().put("titel", "One").build();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> retriever.items().put("a", item))
          .withMessage("expected an item's values in columns [genres, title, year], found 'titel'");
      assertThat(retriever.size()).isEqualTo(600);
      retriever.items().put("a", Item.builder().build());
      assertThat(retriever.size()).isEqualTo(601);
    }
    assertThatIllegalStateException()
        .isThrownBy(() -> retriever.items().remove("a"))
        .withMessage("the retriever is closed");
  }

  private static Item film(String title, int year) {
    return Item.builder()
        .put("title", title)
        .putList("genres", List.of("C"))
        .put("year", year)
        .build();
  }

  private static List<Query> queries(int count) {
    Random random = new Random(3);
    List<Query> queries = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      List<String> history = random.ints(6, 0, 600).mapToObj(item -> "m" + item).toList();
      queries.add(Query.builder().putSequence("history", history).build());
    }
    return queries;
  }

  private static float score(List<Hit> hits, String item) {
    return hits.stream().filter(hit -> hit.item().equals(item)).findFirst().orElseThrow().score();
  }

  private static void assertDescending(List<Hit> hits) {
    for (int i = 1; i < hits.size(); i++) {
      assertThat(hits.get(i).score()).isLessThanOrEqualTo(hits.get(i - 1).score());
    }
  }

  private static List<String> keys(List<Hit> hits) {
    return hits.stream().map(Hit::item).toList();
  }
}
