package io.tandem.retrieval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.feature.FeatureBatch;
import io.tandem.index.Exact;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Over two towers of fresh weights; exact search in plain Java is the oracle. */
class RetrieverTowersTest {
  private static final String FLAT = "{type: flat}";
  private static final String HNSW = "{type: hnsw, m: 16, ef_construction: 40, ef_search: 16}";

  @Test
  void exactRetrievalIsTheDotProductOfBothTowers(@TempDir Path folder) throws IOException {
    Oracle oracle = publish(folder, FLAT);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (Query query : queries()) {
        List<Hit> hits = retriever.retrieve(query, Retrieve.top(15));
        List<String> best = oracle.ranking(query).subList(0, 15);
        assertThat(keys(hits)).hasSize(15).doesNotHaveDuplicates();
        for (int rank = 0; rank < 15; rank++) {
          // Items of the same features tie but for the order of a sum.
          float expected = oracle.score(query, best.get(rank));
          assertThat(hits.get(rank).score()).isCloseTo(expected, within(1e-5f));
          assertThat(oracle.score(query, hits.get(rank).item())).isCloseTo(expected, within(1e-5f));
        }
      }
    }
  }

  @Test
  void exclusionsCostNoHitsInAGraph(@TempDir Path folder) throws IOException {
    Oracle oracle = publish(folder, HNSW);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (int best : new int[] {1, 50, 256, 300, 590, 600}) {
        for (Query query : queries()) {
          Set<String> excluded = new HashSet<>(oracle.ranking(query).subList(0, best));
          List<String> hits = keys(retriever.retrieve(query, Retrieve.top(20).exclude(excluded)));
          assertThat(hits)
              .hasSize(Math.min(20, TestModels.ITEMS - best))
              .doesNotHaveDuplicates()
              .doesNotContainAnyElementsOf(excluded);
        }
      }
    }
  }

  @Test
  void aKnownQueryWithoutASequenceIsAnsweredFromItsStoredHistory(@TempDir Path folder)
      throws IOException {
    publish(folder, FLAT);
    try (Retriever retriever = Retriever.open(folder.resolve("store"));
        OpenVersion open = Store.open(folder.resolve("store")).current().open()) {
      int number = open.history().query("u4");
      List<String> history =
          IntStream.range(0, open.history().count(number))
              .mapToObj(place -> open.items().key(open.history().row(number, place)))
              .toList();
      Query known = Query.builder().put("userId", "u4").build();
      Query given = Query.builder().put("userId", "u4").putSequence("history", history).build();
      Query other =
          Query.builder().put("userId", "u4").putSequence("history", List.of("m599")).build();
      assertThat(retriever.retrieve(known, Retrieve.top(10)))
          .isEqualTo(retriever.retrieve(given, Retrieve.top(10)))
          .isNotEqualTo(retriever.retrieve(other, Retrieve.top(10)));
      assertThat(keys(retriever.retrieve(known, Retrieve.top(600).excludeSeen())))
          .doesNotContainAnyElementsOf(history)
          .hasSize(600 - new HashSet<>(history).size());
    }
  }

  @Test
  void aQueryOfWhichNothingIsKnownIsAnsweredAsAColdOne(@TempDir Path folder) throws IOException {
    Oracle oracle = publish(folder, FLAT);
    Query nothing = Query.builder().build();
    Query unseen =
        Query.builder().put("userId", "nobody").putSequence("history", List.of("gone")).build();
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (Query query : List.of(nothing, unseen)) {
        assertThat(keys(retriever.retrieve(query, Retrieve.top(5))))
            .isEqualTo(oracle.ranking(query).subList(0, 5));
      }
    }
  }

  @Test
  void similarItemsAreTheNearestToTheItemsOwnEmbedding(@TempDir Path folder) throws IOException {
    Oracle oracle = publish(folder, FLAT);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (int row : new int[] {0, 77, 599}) {
        List<String> expected = new ArrayList<>(oracle.ranking(oracle.vectors[row]));
        expected.remove("m" + row);
        assertThat(keys(retriever.similar("m" + row, 10))).isEqualTo(expected.subList(0, 10));
      }
    }
  }

  private static List<Query> queries() {
    Random random = new Random(3);
    List<Query> queries = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      List<String> history = random.ints(6, 0, 600).mapToObj(item -> "m" + item).toList();
      queries.add(Query.builder().put("userId", "u" + i).putSequence("history", history).build());
    }
    return queries;
  }

  private static Oracle publish(Path folder, String index) throws IOException {
    TestModels.publishTowers(folder, Store.create(folder.resolve("store")), index);
    try (OpenVersion open = Store.open(folder.resolve("store")).current().open()) {
      float[][] vectors = new float[TestModels.ITEMS][8];
      for (int row = 0; row < vectors.length; row++) {
        open.index().vector(row, vectors[row]);
      }
      return new Oracle(
          vectors,
          Objects.requireNonNull(open.querySide()),
          IntStream.range(0, vectors.length).mapToObj(open.items()::key).toArray(String[]::new),
          open);
    }
  }

  /** Embeds with the query tower, scores in plain Java. */
  private static final class Oracle {
    final float[][] vectors;
    private final OpenVersion.QuerySide side;
    private final String[] keys;
    private final OpenVersion open;

    Oracle(float[][] vectors, OpenVersion.QuerySide side, String[] keys, OpenVersion open) {
      this.vectors = vectors;
      this.side = side;
      this.keys = keys;
      this.open = open;
    }

    List<String> ranking(Query query) {
      return ranking(embed(query));
    }

    float score(Query query, String key) {
      return Exact.dot(embed(query), vectors[Arrays.asList(keys).indexOf(key)]);
    }

    private float[] embed(Query query) {
      FeatureBatch batch = new FeatureBatch(side.features().querySchema());
      QueryValues values = new QueryValues(query, -1, open.history(), open.items(), Map.of());
      side.features().queries().encode(values, batch);
      float[] vector = new float[8];
      side.tower().embed(batch, 0, side.tower().scratch(), vector);
      return vector;
    }

    List<String> ranking(float[] vector) {
      return new Exact(vectors)
          .search(Arrays.copyOf(vector, 8), vectors.length, row -> true).stream()
              .map(row -> keys[row])
              .toList();
    }
  }

  private static List<String> keys(List<Hit> hits) {
    return hits.stream().map(Hit::item).toList();
  }
}
