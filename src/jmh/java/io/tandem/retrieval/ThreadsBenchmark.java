package io.tandem.retrieval;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedThread;
import jdk.jfr.consumer.RecordingFile;

/**
 * How throughput grows with threads, and whether they wait for each other: queries a second from
 * features to hits, by rounds of one second that take turns, and then what Flight Recorder says of
 * the threads that asked. Monitors entered after a wait of any length and parked threads are
 * counted: there must be none.
 *
 * <pre>scripts/bench.sh io.tandem.retrieval.ThreadsBenchmark [ITEMS] [INDEX] [THREADS,...]</pre>
 */
public final class ThreadsBenchmark {
  private static final int K = 100;
  private static final int ROUNDS = 7;
  private static final String NAME = "asking-";

  private ThreadsBenchmark() {}

  public static void main(String[] args) throws Exception {
    int items = args.length > 0 ? Integer.parseInt(args[0]) : 100_000;
    String index = args.length > 1 ? args[1] : "{type: hnsw, m: 16, ef_construction: 100}";
    int[] threads =
        Arrays.stream((args.length > 2 ? args[2] : "1,2,4").split(",", -1))
            .mapToInt(Integer::parseInt)
            .toArray();
    List<Query> queries = TrainedStore.queries(4_000);
    try (Retriever retriever = Retriever.open(TrainedStore.of(items, index, 1))) {
      double[][] rates = new double[threads.length][ROUNDS];
      for (int round = -2; round < ROUNDS; round++) {
        for (int i = 0; i < threads.length; i++) {
          rates[i][Math.max(0, round)] = rate(retriever, queries, threads[i], 1_000);
        }
      }
      System.out.printf(
          Locale.ROOT,
          "%d items, %s, k = %d, %d cores; medians of %d rounds%n",
          items,
          index,
          K,
          Runtime.getRuntime().availableProcessors(),
          ROUNDS);
      for (int i = 0; i < threads.length; i++) {
        System.out.printf(
            Locale.ROOT,
            "  %d threads: %7.0f queries/s, %.2f x one thread%n",
            threads[i],
            median(rates[i]),
            median(rates[i]) / median(rates[0]));
      }
      waits(retriever, queries, Arrays.stream(threads).max().orElseThrow());
    }
  }

  private static double rate(Retriever retriever, List<Query> queries, int threads, int millis)
      throws Exception {
    ExecutorService pool =
        Executors.newFixedThreadPool(threads, work -> new Thread(work, NAME + work.hashCode()));
    try {
      long begin = System.nanoTime();
      long end = begin + Duration.ofMillis(millis).toNanos();
      List<Future<Long>> counts = new ArrayList<>();
      for (int thread = 0; thread < threads; thread++) {
        int first = thread * 977;
        counts.add(pool.submit(() -> ask(retriever, queries, first, end)));
      }
      long answered = 0;
      for (Future<Long> count : counts) {
        answered += count.get();
      }
      return answered * 1e9 / (System.nanoTime() - begin);
    } finally {
      pool.shutdown();
    }
  }

  private static long ask(Retriever retriever, List<Query> queries, int first, long end) {
    long answered = 0;
    while (System.nanoTime() < end) {
      Query query = queries.get((int) ((first + answered) % queries.size()));
      retriever.retrieve(query, Retrieve.top(K));
      answered++;
    }
    return answered;
  }

  private static void waits(Retriever retriever, List<Query> queries, int threads)
      throws Exception {
    Path file = Files.createTempFile("threads", ".jfr");
    double rate;
    try (Recording recording = new Recording()) {
      recording.enable("jdk.JavaMonitorEnter").withThreshold(Duration.ZERO);
      recording.enable("jdk.ThreadPark").withThreshold(Duration.ZERO);
      recording.start();
      rate = rate(retriever, queries, threads, 10_000);
      recording.stop();
      recording.dump(file);
    }
    Map<String, Integer> waits = count(file);
    System.out.printf(
        Locale.ROOT,
        "  waits of %d threads within %.0f retrievals: %s%n",
        threads,
        rate * 10,
        waits.isEmpty() ? "none" : waits);
    Files.delete(file);
  }

  private static Map<String, Integer> count(Path file) throws IOException {
    Map<String, Integer> waits = new TreeMap<>();
    for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
      RecordedThread thread = event.getThread();
      boolean retrieves =
          event.getStackTrace() != null
              && event.getStackTrace().getFrames().stream()
                  .anyMatch(frame -> frame.getMethod().getType().getName().contains("Retriever"));
      if (thread != null && thread.getJavaName().startsWith(NAME) && retrieves) {
        waits.merge(event.getEventType().getName(), 1, Integer::sum);
      }
    }
    return waits;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
