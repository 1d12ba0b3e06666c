package io.tandem.retrieval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Publisher;
import io.tandem.artifact.Store;
import io.tandem.artifact.TestModels;
import io.tandem.artifact.Version;
import io.tandem.config.ModelSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What must hold however long it goes on. By default each test takes seconds; the counts of an
 * acceptance run, such as 100 swaps among a million queries, take minutes:
 *
 * <pre>scripts/test.sh -Dtandem.stress=full '-Dtest=StressTest,LeakTest' \
 *     -Dsurefire.failIfNoSpecifiedTests=false</pre>
 */
class StressTest {
  static final boolean FULL = "full".equals(System.getProperty("tandem.stress"));
  private static final Query ANY = Query.builder().build();
  private static final Retrieve TOP = Retrieve.top(10);

  @Test
  void everyAnswerIsOfOneVersionAndOneStateOfItsChanges(@TempDir Path folder) throws Exception {
    Store store = Store.create(folder.resolve("store"));
    TestModels.publishPopularity(folder, store);
    String best;
    try (Retriever retriever = Retriever.open(store.folder())) {
      best = retriever.retrieve(ANY, TOP).get(0).item();
    }
    publishOther(folder, store, best);
    List<String> versions = store.versions();
    Set<List<Hit>> legal = ConcurrentHashMap.newKeySet();
    long queries = FULL ? 1_000_000 : 5_000;
    int swaps = FULL ? 100 : 8;
    AtomicLong answered = new AtomicLong();
    AtomicInteger swapped = new AtomicInteger();
    AtomicBoolean failed = new AtomicBoolean();
    ExecutorService threads = Executors.newFixedThreadPool(5);
    try (Retriever retriever = Retriever.open(store.folder())) {
      // All that may ever be seen: two versions, each with the best item and without.
      for (String version : List.of(versions.get(0), versions.get(1))) {
        store.publish(version);
        retriever.refresh();
        retriever.items().put(best, Item.builder().build());
        legal.add(retriever.retrieve(ANY, TOP));
        retriever.items().remove(best);
        legal.add(retriever.retrieve(ANY, TOP));
      }
      assertThat(legal).hasSize(4);
      List<Future<?>> work = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        boolean batches = i == 2;
        work.add(
            threads.submit(
                () -> {
                  while (!failed.get() && (answered.get() < queries || swapped.get() < swaps)) {
                    if (batches) {
                      List<List<Hit>> both = retriever.retrieve(List.of(ANY, ANY), TOP);
                      // Which of equal scores a batch keeps at its cut is left open.
                      assertThat(scores(both.get(0)))
                          .isEqualTo(scores(both.get(1)))
                          .isIn(legal.stream().map(StressTest::scores).toList());
                      answered.addAndGet(2);
                    } else {
                      assertThat(retriever.retrieve(ANY, TOP)).isIn(legal);
                      answered.incrementAndGet();
                    }
                  }
                  return null;
                }));
      }
      work.add(
          threads.submit(
              () -> {
                while (!failed.get() && (answered.get() < queries || swapped.get() < swaps)) {
                  retriever.items().put(best, Item.builder().build());
                  retriever.items().remove(best);
                }
                return null;
              }));
      work.add(
          threads.submit(
              () -> {
                for (int swap = 0; swap < swaps && !failed.get(); swap++) {
                  store.publish(versions.get(swap % 2));
                  assertThat(retriever.refresh()).isTrue();
                  swapped.incrementAndGet();
                }
                return null;
              }));
      for (Future<?> one : work) {
        try {
          one.get();
        } catch (Exception e) {
          failed.set(true);
          throw e;
        }
      }
      assertThat(swapped).hasValue(swaps);
      assertThat(answered.get()).isGreaterThanOrEqualTo(queries);
    } finally {
      failed.set(true);
      threads.shutdownNow();
    }
  }

  @Test
  void damageToAnyFileIsRefused(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder.resolve("store"));
    Version version = TestModels.publishTowers(folder, store, "{type: flat}");
    Random random = new Random(7);
    List<Path> files;
    try (Stream<Path> walk = Files.walk(version.folder())) {
      files = walk.filter(Files::isRegularFile).sorted().toList();
    }
    assertThat(files).hasSizeGreaterThan(20);
    int mutations = FULL ? 1_000 : 6;
    for (Path file : files) {
      byte[] whole = Files.readAllBytes(file);
      for (int i = 0; i < mutations; i++) {
        byte[] damaged = mutated(whole, random);
        Files.write(file, damaged);
        if (!Arrays.equals(damaged, whole)) {
          assertThatThrownBy(() -> Retriever.open(store.folder()))
              .as("%s, mutation %d", file, i)
              .isInstanceOf(ArtifactException.class);
        }
      }
      Files.write(file, whole);
    }
    Retriever.open(store.folder()).close();
  }

  @Test
  void damageToTheLogOfChangesIsRefusedOrLeavesABeginningOfIt(@TempDir Path folder)
      throws IOException {
    Store store = Store.create(folder.resolve("store"));
    TestModels.publishPopularity(folder, store);
    Path file = store.folder().resolve(ChangeLog.FILE);
    int records = 8;
    try (ChangeLog log = new ChangeLog(store)) {
      for (int i = 0; i < records; i++) {
        log.append(List.of(new Change("new" + i, 1L << 50, Item.builder().put("year", i).build())));
      }
    }
    byte[] whole = Files.readAllBytes(file);
    Random random = new Random(8);
    for (int i = 0; i < (FULL ? 1_000 : 30); i++) {
      byte[] damaged = whole.clone();
      for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
        damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
      }
      Files.write(file, damaged);
      try (Retriever retriever = Retriever.open(store.folder())) {
        // Such as damage that reaches the end: a crash while writing looks the same.
        int left = retriever.size() - TestModels.ITEMS;
        for (int record = 0; record < records; record++) {
          assertThat(retriever.attributes("new" + record).getOrDefault("year", "none"))
              .isEqualTo(record < left ? Integer.toString(record) : "none");
        }
      } catch (ArtifactException e) {
        assertThat(e).hasMessageContaining(ChangeLog.FILE + ": expected ");
      }
    }
  }

  /** The same items with other scores, but for the best one. */
  private static void publishOther(Path folder, Store store, String best) throws IOException {
    ModelSpec spec = TestModels.spec(folder, "{type: popularity}", "{type: auto}");
    float[] scores = new float[TestModels.ITEMS];
    for (int item = 0; item < scores.length; item++) {
      scores[item] = (item * 7 + 3) % scores.length;
    }
    scores[Integer.parseInt(best.substring(1))] = 1_000;
    TestModels.publish(spec, new Publisher.Popularity(scores), store);
  }

  private static List<Float> scores(List<Hit> hits) {
    return hits.stream().map(Hit::score).toList();
  }

  private static byte[] mutated(byte[] whole, Random random) {
    if (whole.length == 0) {
      return new byte[] {(byte) random.nextInt()};
    }
    return switch (random.nextInt(4)) {
      case 0 -> Arrays.copyOf(whole, random.nextInt(whole.length));
      case 1 -> Arrays.copyOf(whole, whole.length + 1 + random.nextInt(100));
      case 2 -> {
        byte[] zeroed = whole.clone();
        int from = random.nextInt(zeroed.length);
        Arrays.fill(zeroed, from, Math.min(zeroed.length, from + 64), (byte) 0);
        yield zeroed;
      }
      default -> {
        byte[] flipped = whole.clone();
        flipped[random.nextInt(flipped.length)] ^= (byte) (1 << random.nextInt(8));
        yield flipped;
      }
    };
  }
}
