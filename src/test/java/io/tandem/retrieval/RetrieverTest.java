package io.tandem.retrieval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.artifact.Version;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.data.Interactions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Over a model of item counts, whose every answer is known. */
class RetrieverTest {
  private static final Query ANY = Query.builder().build();

  @Test
  void ranksAsTheModelDoesWithEqualScoresInOrderOfTheCatalogue(@TempDir Path folder)
      throws IOException {
    List<String> expected = publish(folder);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (int k : new int[] {1, 7, 100, TestModels.ITEMS}) {
        assertThat(keys(retriever.retrieve(ANY, Retrieve.top(k))))
            .isEqualTo(expected.subList(0, k));
      }
    }
  }

  @Test
  void askingForMoreThanTheCorpusReturnsAllOfIt(@TempDir Path folder) throws IOException {
    List<String> expected = publish(folder);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (int k : new int[] {TestModels.ITEMS + 1, Integer.MAX_VALUE}) {
        assertThat(keys(retriever.retrieve(ANY, Retrieve.top(k)))).isEqualTo(expected);
      }
    }
  }

  @Test
  void askingForNothingIsRefused() {
    for (int k : new int[] {0, -1}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Retrieve.top(k))
          .withMessage("expected k of at least 1, found " + k);
    }
  }

  @Test
  void exclusionsCostNoHitsHoweverManyThereAre(@TempDir Path folder) throws IOException {
    List<String> ranking = publish(folder);
    Random random = new Random(1);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (int count : new int[] {1, 10, 255, 256, 257, 590, 599, 600}) {
        Set<String> excluded = new HashSet<>();
        while (excluded.size() < count) {
          excluded.add(ranking.get(random.nextInt(ranking.size())));
        }
        List<String> expected = ranking.stream().filter(i -> !excluded.contains(i)).toList();
        Retrieve request = Retrieve.top(20).exclude(excluded).exclude(List.of("no such item"));
        assertThat(keys(retriever.retrieve(ANY, request)))
            .isEqualTo(expected.subList(0, Math.min(20, expected.size())));
      }
    }
  }

  @Test
  void theBestItemsCanBeExcluded(@TempDir Path folder) throws IOException {
    List<String> ranking = publish(folder);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (int best : new int[] {5, 300}) {
        Retrieve request = Retrieve.top(10).exclude(ranking.subList(0, best));
        assertThat(keys(retriever.retrieve(ANY, request)))
            .isEqualTo(ranking.subList(best, best + 10));
      }
    }
  }

  @Test
  void whatAKnownQuerySawIsExcludedFromItsStoredHistory(@TempDir Path folder) throws IOException {
    List<String> ranking = publish(folder);
    Query query = Query.builder().put("userId", "u3").build();
    Set<String> seen = new HashSet<>();
    try (Dataset dataset =
            DatasetReader.read(TestModels.spec(folder, POPULARITY, "{type: auto}").data());
        Retriever retriever = Retriever.open(folder.resolve("store"))) {
      int number = dataset.queryKeys().indexOf("u3");
      Dataset.Split split = dataset.split();
      for (Interactions part : List.of(split.train(), split.validation(), split.test())) {
        for (int at = part.start(number); at < part.end(number); at++) {
          seen.add(dataset.itemKeys().key(part.item(at)));
        }
      }
      assertThat(seen).hasSizeGreaterThan(10);
      assertThat(keys(retriever.retrieve(query, Retrieve.top(600).excludeSeen())))
          .isEqualTo(ranking.stream().filter(item -> !seen.contains(item)).toList());
      assertThat(keys(retriever.retrieve(query, Retrieve.top(600)))).isEqualTo(ranking);
    }
  }

  @Test
  void givenSequencesCountAsSeenAndUnseenQueriesAreAnswered(@TempDir Path folder)
      throws IOException {
    List<String> ranking = publish(folder);
    Query query =
        Query.builder()
            .put("userId", "nobody")
            .put("unknown column", 3)
            .putSequence("history", List.of(ranking.get(0), "no such item", ranking.get(2)))
            .build();
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      assertThat(keys(retriever.retrieve(query, Retrieve.top(2).excludeSeen())))
          .containsExactly(ranking.get(1), ranking.get(3));
    }
  }

  @Test
  void batchesAnswerAsOneByOne(@TempDir Path folder) throws IOException {
    List<String> ranking = publish(folder);
    List<Query> queries = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      queries.add(Query.builder().put("userId", "u" + i).build());
    }
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (Retrieve request :
          List.of(
              Retrieve.top(5),
              Retrieve.top(5).excludeSeen(),
              Retrieve.top(5).exclude(ranking.subList(0, 300)),
              Retrieve.top(1000))) {
        List<List<Hit>> expected =
            queries.stream().map(query -> retriever.retrieve(query, request)).toList();
        assertThat(scores(retriever.retrieve(queries, request))).isEqualTo(scores(expected));
      }
      assertThat(retriever.retrieve(List.of(), Retrieve.top(5))).isEmpty();
    }
  }

  @Test
  void similarItemsLeaveOutTheItemItself(@TempDir Path folder) throws IOException {
    List<String> ranking = publish(folder);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      assertThat(keys(retriever.similar(ranking.get(0), 3))).isEqualTo(ranking.subList(1, 4));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> retriever.similar("no such item", 3))
          .withMessage("expected the key of one of 600 items, found 'no such item'");
    }
  }

  @Test
  void attributesOfItemsCanBeShown(@TempDir Path folder) throws IOException {
    publish(folder);
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      assertThat(retriever.attributes("m7"))
          .isEqualTo(Map.of("genres", "C", "title", "Film né 7", "year", ""));
      assertThat(retriever.attributes("no such item")).isEmpty();
    }
  }

  @Test
  void aClosedRetrieverSaysSo(@TempDir Path folder) throws IOException {
    publish(folder);
    Retriever retriever = Retriever.open(folder.resolve("store"));
    retriever.close();
    retriever.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> retriever.retrieve(ANY, Retrieve.top(1)))
        .withMessage("the retriever is closed");
    assertThatIllegalStateException().isThrownBy(retriever::refresh);
  }

  @Test
  void refreshSwapsToTheCurrentVersionOnly(@TempDir Path folder) throws IOException {
    publish(folder);
    Store store = Store.open(folder.resolve("store"));
    try (Retriever retriever = Retriever.open(store.folder())) {
      assertThat(retriever.refresh()).isFalse();
      Version second = TestModels.publishPopularity(folder, store);
      assertThat(retriever.version()).isNotEqualTo(second.id());
      assertThat(retriever.refresh()).isTrue();
      assertThat(retriever.version()).isEqualTo(second.id());
    }
  }

  @Test
  void aDamagedNewVersionIsRefusedAndTheOldOneKeepsServing(@TempDir Path folder)
      throws IOException {
    List<String> ranking = publish(folder);
    Store store = Store.open(folder.resolve("store"));
    try (Retriever retriever = Retriever.open(store.folder())) {
      Version second = TestModels.publishPopularity(folder, store);
      Path index = second.folder().resolve("items.faiss");
      byte[] bytes = Files.readAllBytes(index);
      bytes[bytes.length / 2] ^= 1;
      Files.write(index, bytes);
      assertThatThrownBy(retriever::refresh)
          .isInstanceOf(ArtifactException.class)
          .hasMessageContaining("items.faiss: expected SHA-256");
      assertThat(keys(retriever.retrieve(ANY, Retrieve.top(3)))).isEqualTo(ranking.subList(0, 3));
    }
  }

  @Test
  void queriesFromManyThreadsAreAnsweredWhileVersionsAreSwapped(@TempDir Path folder)
      throws Exception {
    List<String> ranking = publish(folder);
    Store store = Store.open(folder.resolve("store"));
    TestModels.publishPopularity(folder, store);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    AtomicBoolean done = new AtomicBoolean();
    try (Retriever retriever = Retriever.open(store.folder())) {
      List<Future<Integer>> answers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        answers.add(
            threads.submit(
                () -> {
                  int answered = 0;
                  while (!done.get()) {
                    assertThat(keys(retriever.retrieve(ANY, Retrieve.top(10))))
                        .isEqualTo(ranking.subList(0, 10));
                    answered++;
                  }
                  return answered;
                }));
      }
      List<String> versions = store.versions();
      for (int swap = 0; swap < 20; swap++) {
        store.publish(versions.get(swap % 2));
        assertThat(retriever.refresh()).isTrue();
      }
      done.set(true);
      for (Future<Integer> answer : answers) {
        assertThat(answer.get()).isPositive();
      }
    } finally {
      done.set(true);
      threads.shutdownNow();
    }
  }

  private static final String POPULARITY = "{type: popularity}";

  /** Publishes the model and returns the whole ranking, worked out from the data. */
  private static List<String> publish(Path folder) throws IOException {
    TestModels.publishPopularity(folder, Store.create(folder.resolve("store")));
    try (Dataset dataset =
        DatasetReader.read(TestModels.spec(folder, POPULARITY, "{type: auto}").data())) {
      long[] counts = dataset.split().train().itemCounts(dataset.itemKeys().size());
      return IntStream.range(0, counts.length)
          .boxed()
          .sorted(Comparator.comparingLong((Integer item) -> -counts[item]).thenComparing(i -> i))
          .map(item -> dataset.itemKeys().key(item))
          .toList();
    }
  }

  private static List<String> keys(List<Hit> hits) {
    return hits.stream().map(Hit::item).toList();
  }

  private static List<List<Float>> scores(List<List<Hit>> answers) {
    return answers.stream().map(hits -> hits.stream().map(Hit::score).toList()).toList();
  }
}
