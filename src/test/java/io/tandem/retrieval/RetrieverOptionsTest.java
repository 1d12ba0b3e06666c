package io.tandem.retrieval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.artifact.Version;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Following, deadlines, the query cache and the listener. */
class RetrieverOptionsTest {
  private static final Query ANY = Query.builder().build();

  @TempDir Path folder;

  /** Keeps what it is told. */
  private static final class Told implements RetrieverListener {
    final BlockingQueue<String> opened = new LinkedBlockingQueue<>();
    final BlockingQueue<String> failed = new LinkedBlockingQueue<>();
    final BlockingQueue<Double> recalls = new LinkedBlockingQueue<>();
    final AtomicInteger retrieved = new AtomicInteger();

    @Override
    public void opened(String version, Instant created) {
      opened.add(version);
    }

    @Override
    public void refreshFailed(String version, RuntimeException failure) {
      failed.add(version);
    }

    @Override
    public void recallSampled(double recall) {
      recalls.add(recall);
    }

    @Override
    public void retrieved(long encode, long filter, long search, long total, long scanned) {
      assertThat(scanned).isPositive();
      assertThat(List.of(encode, filter, search)).allMatch(time -> time >= 0 && time <= total);
      retrieved.incrementAndGet();
    }
  }

  @Test
  void anInterruptedOpenSaysSo() throws IOException {
    Store store = Store.create(folder.resolve("store"));
    Version version = TestModels.publishPopularity(folder, store);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> Retriever.open(store.folder()))
        .isInstanceOf(CancellationException.class)
        .hasMessageContaining("interrupted");
    assertThat(Thread.currentThread().isInterrupted()).isTrue();
    assertThatThrownBy(version::open)
        .isInstanceOf(CancellationException.class)
        .hasMessageContaining("interrupted while reading " + version.folder());
    assertThatThrownBy(version::openOnThisThread).isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
    version.open().close();
  }

  @Test
  void aFollowingRetrieverSwapsByItselfAndTellsOfABadVersionOnce() throws Exception {
    Store store = Store.create(folder.resolve("store"));
    Version first = TestModels.publishPopularity(folder, store);
    Told told = new Told();
    try (Retriever retriever =
        Retriever.builder(store.folder()).follow(Duration.ofMillis(20)).listener(told).open()) {
      assertThat(told.opened.poll(10, TimeUnit.SECONDS)).isEqualTo(first.id());
      Version second = TestModels.publishPopularity(folder, store);
      assertThat(told.opened.poll(20, TimeUnit.SECONDS)).isEqualTo(second.id());

      Version third = TestModels.publishPopularity(folder, Store.create(folder.resolve("other")));
      Path broken = store.folder().resolve("versions").resolve(third.id());
      copy(third.folder(), broken);
      Path index = broken.resolve("items.faiss");
      byte[] whole = Files.readAllBytes(index);
      byte[] damaged = whole.clone();
      damaged[damaged.length / 2] ^= 1;
      Files.write(index, damaged);
      Path next = Files.writeString(folder.resolve("next"), third.id() + "\n");
      Files.move(next, store.folder().resolve("CURRENT"), StandardCopyOption.ATOMIC_MOVE);
      assertThat(told.failed.poll(20, TimeUnit.SECONDS)).isEqualTo(third.id());
      Thread.sleep(200);
      assertThat(told.failed).isEmpty();
      assertThat(retriever.version()).isEqualTo(second.id());
      assertThat(retriever.retrieve(ANY, Retrieve.top(3))).hasSize(3);

      Files.write(index, whole);
      assertThat(told.opened.poll(20, TimeUnit.SECONDS)).isEqualTo(third.id());
      assertThat(retriever.version()).isEqualTo(third.id());
    }
  }

  @Test
  void aBurstIsAnsweredOrTurnedAwayInBoundedMemory() throws Exception {
    TestModels.publishTowers(folder, Store.create(folder.resolve("store")), "{type: flat}");
    ExecutorService threads = Executors.newFixedThreadPool(100);
    CountDownLatch start = new CountDownLatch(1);
    try (Retriever retriever = Retriever.builder(folder.resolve("store")).maxConcurrent(2).open()) {
      List<Future<String>> answers = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        Duration patience = i % 2 == 0 ? Duration.ofNanos(1) : Duration.ofMinutes(1);
        answers.add(
            threads.submit(
                () -> {
                  start.await();
                  try {
                    return "hits "
                        + retriever.retrieve(ANY, Retrieve.top(7).within(patience)).size();
                  } catch (DeadlineException e) {
                    return "too late";
                  }
                }));
      }
      start.countDown();
      for (int i = 0; i < answers.size(); i++) {
        assertThat(answers.get(i).get()).isEqualTo(i % 2 == 0 ? "too late" : "hits 7");
      }
      assertThat(retriever.scratches()).isLessThanOrEqualTo(2);
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void whoeverWaitsForItsTurnCanBeTurnedAwayOrCancelled() throws Exception {
    Gate gate = new Gate(1);
    gate.enter(Deadline.in(null));
    assertThatThrownBy(() -> gate.enter(Deadline.in(Duration.ofMillis(20))))
        .isInstanceOf(DeadlineException.class)
        .hasMessage("no answer within 20 ms: the time was over before its turn came");
    ExecutorService thread = Executors.newSingleThreadExecutor();
    try {
      CountDownLatch begun = new CountDownLatch(1);
      CountDownLatch cancelled = new CountDownLatch(1);
      Future<?> waiting =
          thread.submit(
              () -> {
                begun.countDown();
                try {
                  gate.enter(Deadline.in(null));
                } catch (CancellationException e) {
                  cancelled.countDown();
                }
              });
      begun.await();
      waiting.cancel(true);
      assertThat(cancelled.await(20, TimeUnit.SECONDS)).isTrue();
      gate.leave();
      gate.enter(Deadline.in(Duration.ofMillis(20)));
    } finally {
      thread.shutdownNow();
    }
  }

  @Test
  void aBatchOfManyPartsIsAnsweredAsOneByOne() throws IOException {
    TestModels.publishTowers(folder, Store.create(folder.resolve("store")), "{type: flat}");
    List<Query> queries = new ArrayList<>();
    for (int i = 0; i < 2_500; i++) {
      queries.add(Query.builder().put("userId", "u" + i % TestModels.QUERIES).build());
    }
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      List<List<Hit>> answers = retriever.retrieve(queries, Retrieve.top(3));
      assertThat(answers).hasSize(queries.size());
      for (int i = 0; i < queries.size(); i += 17) {
        assertThat(answers.get(i).get(0).item())
            .isEqualTo(retriever.retrieve(queries.get(i), Retrieve.top(3)).get(0).item());
      }
    }
  }

  @Test
  void anInterruptedBatchIsCancelled() throws IOException {
    TestModels.publishPopularity(folder, Store.create(folder.resolve("store")));
    try (Retriever retriever = Retriever.open(folder.resolve("store"))) {
      for (Retrieve request : List.of(Retrieve.top(3), Retrieve.top(3).where("genres", "A"))) {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> retriever.retrieve(List.of(ANY, ANY), request))
            .isInstanceOf(CancellationException.class);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(retriever.retrieve(List.of(ANY), request).get(0)).hasSize(3);
      }
    }
  }

  @Test
  void aVeryLongTimeIsALongTime() throws IOException {
    TestModels.publishPopularity(folder, Store.create(folder.resolve("store")));
    Duration forever = Duration.ofSeconds(Long.MAX_VALUE);
    try (Retriever retriever = Retriever.builder(folder.resolve("store")).follow(forever).open()) {
      assertThat(retriever.retrieve(ANY, Retrieve.top(3).within(forever))).hasSize(3);
    }
  }

  @Test
  void aCachedEmbeddingAnswersAsAFreshOneAlsoAfterASwap() throws IOException {
    Store store = Store.create(folder.resolve("store"));
    TestModels.publishTowers(folder, store, "{type: flat}");
    try (Retriever plain = Retriever.open(store.folder());
        Retriever caching = Retriever.builder(store.folder()).cacheQueries(10).open()) {
      for (int round = 0; round < 3; round++) {
        for (int user = 0; user < 20; user++) {
          Query query = Query.builder().put("userId", "u" + user).build();
          assertThat(caching.retrieve(query, Retrieve.top(9)))
              .isEqualTo(plain.retrieve(query, Retrieve.top(9)));
        }
        TestModels.publishTowers(folder, store, "{type: flat}");
        plain.refresh();
        caching.refresh();
      }
    }
  }

  @Test
  void aShadowSearchMeasuresWhatTheIndexFinds() throws Exception {
    TestModels.publishTowers(folder, Store.create(folder.resolve("store")), "{type: flat}");
    Told told = new Told();
    try (Retriever retriever =
        Retriever.builder(folder.resolve("store")).listener(told).shadow(1).open()) {
      retriever.items().remove("m3");
      retriever.items().put("new", Item.builder().build());
      for (Retrieve request :
          List.of(
              Retrieve.top(10),
              Retrieve.top(10).where("genres", "A").exclude(List.of("m2", "m4")),
              Retrieve.top(1000))) {
        retriever.retrieve(ANY, request);
        assertThat(told.recalls.poll(20, TimeUnit.SECONDS)).isEqualTo(1);
      }
      assertThat(told.retrieved).hasValue(3);
    }
  }

  @Test
  void shadowSearchesSeeWhatAnIndexMisses() throws Exception {
    TestModels.publishTowers(
        folder, Store.create(folder.resolve("store")), "{type: factory, factory: 'IVF64,Flat'}");
    Told told = new Told();
    try (Retriever retriever =
        Retriever.builder(folder.resolve("store")).listener(told).shadow(1).open()) {
      double sum = 0;
      for (int i = 0; i < 20; i++) {
        Query query = Query.builder().put("userId", "u" + i).build();
        retriever.retrieve(query, Retrieve.top(8));
        Double recall = told.recalls.poll(20, TimeUnit.SECONDS);
        assertThat(recall).isNotNull().isBetween(0.0, 1.0);
        sum += recall;
      }
      assertThat(sum / 20).isBetween(0.01, 0.99);
    }
  }

  @Test
  void impossibleOptionsAreRefused() {
    Retriever.Builder builder = Retriever.builder(folder);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.maxConcurrent(0))
        .withMessage("expected maxConcurrent of at least 1, found 0");
    assertThatIllegalArgumentException().isThrownBy(() -> builder.cacheQueries(-1));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.shadow(Double.NaN));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.follow(Duration.ZERO));
    assertThatThrownBy(() -> Retriever.builder(folder).shadow(0.1).open())
        .hasMessage("expected a listener for shadow searches, found none");
  }

  private static void copy(Path from, Path to) throws IOException {
    try (var files = Files.walk(from)) {
      for (Path file : files.sorted().toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }
}
