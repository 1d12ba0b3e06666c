package io.tandem.retrieval;

import io.tandem.artifact.Store;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * What a swap of versions does to the latency of a service under constant load. Queries come at a
 * fixed rate on one thread, whether or not the one before was answered in time: their latency
 * counts from when they were due. Another thread swaps between two versions now and then; what was
 * due from the beginning of a swap until a quarter of a second after it is held against the rest.
 * Publishing, which is another process's work and verifies all files, counts as neither.
 *
 * <pre>scripts/bench.sh io.tandem.retrieval.HotSwapBenchmark [ITEMS] [INDEX] [RATE] [SWAPS]</pre>
 */
public final class HotSwapBenchmark {
  private static final int K = 100;
  private static final long AFTERWARDS = 250_000_000;
  private static final long BETWEEN_MILLIS = 2_000;

  /** Swaps before those that count: what opens a version is compiled by then. */
  private static final int WARM_UP = 30;

  private HotSwapBenchmark() {}

  public static void main(String[] args) throws Exception {
    int items = args.length > 0 ? Integer.parseInt(args[0]) : 100_000;
    String index = args.length > 1 ? args[1] : "{type: hnsw, m: 16, ef_construction: 100}";
    int rate = args.length > 2 ? Integer.parseInt(args[2]) : 200;
    int swaps = args.length > 3 ? Integer.parseInt(args[3]) : 40;
    Path folder = TrainedStore.of(items, index, 2);
    Store store = Store.open(folder);
    List<String> versions = store.versions();
    List<Query> queries = TrainedStore.queries(2_000);
    try (Retriever retriever = Retriever.open(folder)) {
      Load load = new Load(retriever, queries, rate);
      // What a service does before its first swap: everything is compiled.
      for (int i = 0; i < 20_000; i++) {
        retriever.retrieve(queries.get(i % queries.size()), Retrieve.top(K));
      }
      for (int i = 0; i < WARM_UP; i++) {
        store.publish(versions.get(i % 2));
        retriever.refresh();
      }
      load.start();
      long[] publishes = new long[swaps];
      long[] begins = new long[swaps];
      long[] ends = new long[swaps];
      for (int swap = 0; swap < swaps; swap++) {
        Thread.sleep(BETWEEN_MILLIS);
        publishes[swap] = System.nanoTime();
        store.publish(versions.get(swap % 2));
        begins[swap] = System.nanoTime();
        if (!retriever.refresh()) {
          throw new IllegalStateException("expected a swap");
        }
        ends[swap] = System.nanoTime();
      }
      Thread.sleep(BETWEEN_MILLIS);
      load.end();
      report(items, index, rate, load, publishes, begins, ends);
    }
  }

  private static void report(
      int items, String index, int rate, Load load, long[] publishes, long[] begins, long[] ends) {
    List<Double> during = new ArrayList<>();
    List<Double> outside = new ArrayList<>();
    for (int i = 0; i < load.count; i++) {
      if (isWithin(load.due[i], begins, ends, AFTERWARDS)) {
        during.add(load.latency[i] / 1e3);
      } else if (!isWithin(load.due[i], publishes, begins, 0)) {
        outside.add(load.latency[i] / 1e3);
      }
    }
    double[] lengths = new double[begins.length];
    Arrays.setAll(lengths, i -> (ends[i] - begins[i]) / 1e6);
    Arrays.sort(lengths);
    System.out.printf(
        Locale.ROOT,
        "%d items, %s, %d queries/s, k = %d: %d swaps, median %.0f ms; %d failed queries%n",
        items,
        index,
        rate,
        K,
        lengths.length,
        lengths[lengths.length / 2],
        load.failed.get());
    double[] quiet = print("outside", outside);
    double[] swapping = print("during", during);
    System.out.printf(
        Locale.ROOT,
        "  during / outside: p50 %.2f, p99 %.2f%n",
        swapping[0] / quiet[0],
        swapping[1] / quiet[1]);
  }

  private static boolean isWithin(long due, long[] begins, long[] ends, long afterwards) {
    for (int swap = 0; swap < begins.length; swap++) {
      if (due - begins[swap] >= 0 && due - ends[swap] <= afterwards) {
        return true;
      }
    }
    return false;
  }

  private static double[] print(String what, List<Double> micros) {
    double[] sorted = micros.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    double[] found = {sorted[sorted.length / 2], sorted[(int) (sorted.length * 0.99)]};
    System.out.printf(
        Locale.ROOT,
        "  %-8s %6d queries, p50 %8.0f us, p99 %8.0f us, most %8.0f us%n",
        what,
        sorted.length,
        found[0],
        found[1],
        sorted[sorted.length - 1]);
    return found;
  }

  /** Asks at a fixed rate until it is ended. */
  private static final class Load {
    final long[] due = new long[1 << 20];
    final long[] latency = new long[due.length];
    final AtomicInteger failed = new AtomicInteger();
    int count;
    private volatile boolean ending;
    private final Thread thread;

    Load(Retriever retriever, List<Query> queries, int rate) {
      long apart = 1_000_000_000L / rate;
      thread =
          new Thread(
              () -> {
                long next = System.nanoTime();
                while (!ending && count < due.length) {
                  for (long left = next - System.nanoTime(); left > 0; ) {
                    LockSupport.parkNanos(left);
                    left = next - System.nanoTime();
                  }
                  try {
                    retriever.retrieve(queries.get(count % queries.size()), Retrieve.top(K));
                  } catch (RuntimeException e) {
                    failed.incrementAndGet();
                  }
                  due[count] = next;
                  latency[count++] = System.nanoTime() - next;
                  next += apart;
                }
              },
              "load");
    }

    void start() {
      thread.start();
    }

    void end() throws InterruptedException {
      ending = true;
      thread.join();
    }
  }
}
