package io.tandem.retrieval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.filter.Filter;
import io.tandem.filter.FilterException;
import io.tandem.index.Exact;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Filters over two towers of fresh weights; the catalogue's own definition is the oracle. */
class RetrieverFiltersTest {
  private static final String FLAT = "{type: flat}";

  /** A filter, and the items m0, m1, ... that it allows. */
  private record Case(Filter filter, IntPredicate allows) {}

  @ParameterizedTest
  @ValueSource(
      strings = {
        FLAT,
        "{type: hnsw, m: 16, ef_construction: 40, ef_search: 16}",
        "{type: factory, factory: 'IVF8,Flat'}",
        "{type: factory, factory: 'IVF8,SQ8'}"
      })
  void everyAllowedItemIsReturnedUpToKAtEverySelectivity(String index, @TempDir Path folder)
      throws IOException {
    TestModels.publishTowers(folder, Store.create(folder.resolve("store")), index);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (Case one : cases()) {
        Set<String> allowed = keys(one.allows());
        for (int k : new int[] {1, 20, 1000}) {
          for (Query query : queries(3)) {
            List<String> hits =
                hits(retriever.retrieve(query, Retrieve.top(k).where(one.filter())));
            assertThat(hits)
                .as("%s, k %d", one.filter(), k)
                .hasSize(Math.min(k, allowed.size()))
                .doesNotHaveDuplicates()
                .isSubsetOf(allowed);
          }
        }
      }
    }
  }

  @Test
  void filtersExclusionsAndSeenItemsTogetherCostNoHits(@TempDir Path folder) throws IOException {
    publish(folder);
    Random random = new Random(5);
    try (Retriever retriever = Retriever.open(folder.resolve("store"));
        OpenVersion open = Store.open(folder.resolve("store")).current().open()) {
      for (Case one : cases()) {
        for (int count : new int[] {0, 3, 200, 300, 600}) {
          int user = random.nextInt(TestModels.QUERIES);
          Query query = Query.builder().put("userId", "u" + user).build();
          Set<String> gone = new HashSet<>();
          random.ints(count, 0, TestModels.ITEMS).forEach(item -> gone.add("m" + item));
          Retrieve request = Retrieve.top(15).where(one.filter()).exclude(gone).excludeSeen();
          int number = open.history().query("u" + user);
          for (int place = 0; place < open.history().count(number); place++) {
            gone.add(open.items().key(open.history().row(number, place)));
          }
          Set<String> allowed = keys(one.allows());
          allowed.removeAll(gone);
          List<String> all = hits(retriever.retrieve(query, Retrieve.top(TestModels.ITEMS)));
          assertThat(hits(retriever.retrieve(query, request)))
              .isEqualTo(all.stream().filter(allowed::contains).limit(15).toList());
        }
      }
    }
  }

  @Test
  void batchesSimilarItemsAndVectorsAreFilteredAlike(@TempDir Path folder) throws IOException {
    publish(folder);
    try (Retriever retriever = Retriever.open(folder.resolve("store"));
        OpenVersion open = Store.open(folder.resolve("store")).current().open()) {
      float[] vector = new float[8];
      open.index().vector(33, vector);
      for (Case one : cases()) {
        Retrieve request = Retrieve.top(10).where(one.filter());
        List<Query> queries = queries(5);
        assertThat(retriever.retrieve(queries, request))
            .isEqualTo(queries.stream().map(query -> retriever.retrieve(query, request)).toList());
        List<Hit> near = retriever.retrieve(vector, request);
        assertThat(hits(near)).isSubsetOf(keys(one.allows()));
        assertThat(retriever.similar("m33", request))
            .isEqualTo(retriever.retrieve(vector, request.exclude(List.of("m33"))));
      }
    }
  }

  @Test
  void aVectorIsAnsweredByDotProducts(@TempDir Path folder) throws IOException {
    publish(folder);
    try (Retriever retriever = Retriever.open(folder.resolve("store"));
        OpenVersion open = Store.open(folder.resolve("store")).current().open()) {
      float[] query = {3, -1, 0.5f, 0, 0, 2, 1, -4};
      float[] item = new float[8];
      for (Hit hit : retriever.retrieve(query, Retrieve.top(50))) {
        open.index().vector(open.items().indexOf(hit.item()), item);
        assertThat(hit.score()).isCloseTo(Exact.dot(query, item), within(1e-4f));
      }
      assertThatIllegalArgumentException()
          .isThrownBy(() -> retriever.retrieve(new float[7], Retrieve.top(1)))
          .withMessage("expected a vector of dimension 8, found 7");
      query[3] = Float.NaN;
      assertThatIllegalArgumentException()
          .isThrownBy(() -> retriever.retrieve(query, Retrieve.top(1)))
          .withMessageContaining("expected finite numbers, found NaN at 3");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> retriever.retrieve(item, Retrieve.top(1).excludeSeen()))
          .withMessage("expected a query to exclude what it has seen, found a vector");
    }
  }

  @Test
  void anUnknownColumnIsNamedWithThoseThereAre(@TempDir Path folder) throws IOException {
    publish(folder);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      Query query = Query.builder().build();
      assertThatThrownBy(() -> retriever.retrieve(query, Retrieve.top(1).where("genre", "A")))
          .isInstanceOf(FilterException.class)
          .hasMessage(
              "filter: no column 'genre'; the columns are title (categories), genres (categories),"
                  + " year (numbers)");
      assertThat(retriever.retrieve(query, Retrieve.top(1).where("genres", "A"))).hasSize(1);
    }
  }

  @Test
  void aDeadlineThatIsOverIsNotStarted(@TempDir Path folder) throws IOException {
    publish(folder);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      Query query = Query.builder().build();
      Retrieve late = Retrieve.top(1).within(Duration.ofNanos(1));
      assertThatThrownBy(() -> retriever.retrieve(query, late))
          .isInstanceOf(DeadlineException.class)
          .hasMessageStartingWith("no answer within 0 ms: the time was over before ");
      for (Duration enough : List.of(Duration.ofMinutes(1), Duration.ofSeconds(Long.MAX_VALUE))) {
        assertThat(retriever.retrieve(query, Retrieve.top(1).within(enough))).hasSize(1);
      }
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Retrieve.top(1).within(Duration.ZERO))
        .withMessage("expected a time of more than none, found PT0S");
  }

  private static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    cases.add(new Case(Filter.equal("genres", "A"), item -> item % 2 == 0));
    cases.add(new Case(Filter.parse("genres in ('B', 'C')"), item -> true));
    cases.add(new Case(Filter.missing("year"), item -> item % 50 == 7));
    cases.add(
        new Case(
            Filter.range("year").atLeast(1990).below(2000),
            item -> item % 50 != 7 && item % 120 >= 90 && item % 120 < 100));
    cases.add(
        new Case(
            Filter.parse("genres = 'C' and not (year >= 1910)"),
            item -> item % 2 == 1 && (item % 50 == 7 || item % 120 < 10)));
    cases.add(new Case(Filter.equal("title", "Film né 77"), item -> item == 77));
    cases.add(new Case(Filter.equal("title", "none"), item -> false));
    for (int n : new int[] {2, 60, 599}) {
      List<String> titles = IntStream.range(0, n).mapToObj(i -> "Film né " + i).toList();
      cases.add(new Case(Filter.in("title", titles), item -> item < n));
    }
    return cases;
  }

  private static void publish(Path folder) throws IOException {
    TestModels.publishTowers(folder, Store.create(folder.resolve("store")), FLAT);
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

  private static Set<String> keys(IntPredicate allows) {
    Set<String> keys = new HashSet<>();
    IntStream.range(0, TestModels.ITEMS).filter(allows).forEach(item -> keys.add("m" + item));
    return keys;
  }

  private static List<String> hits(List<Hit> hits) {
    return hits.stream().map(Hit::item).toList();
  }

  private static org.assertj.core.data.Offset<Float> within(float tolerance) {
    return org.assertj.core.data.Offset.offset(tolerance);
  }
}
