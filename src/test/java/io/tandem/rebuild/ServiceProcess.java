package io.tandem.rebuild;

import io.tandem.retrieval.Query;
import io.tandem.retrieval.Retrieve;
import io.tandem.retrieval.Retriever;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/**
 * A service in a process of its own that asks the same query on several threads and follows its
 * store, until its input ends. It then prints what it was answered.
 */
final class ServiceProcess {
  private static final int THREADS = 3;

  private ServiceProcess() {}

  /** What the query is answered now, as it is printed. */
  static String answer(Retriever retriever) {
    return retriever
        .retrieve(Query.builder().put("userId", "u1").build(), Retrieve.top(10))
        .stream()
        .map(hit -> hit.item() + "=" + Float.floatToIntBits(hit.score()))
        .collect(Collectors.joining(" "));
  }

  public static void main(String[] arguments) throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    AtomicLong failed = new AtomicLong();
    Map<String, AtomicLong> answers = new ConcurrentHashMap<>();
    try (Retriever retriever =
        Retriever.builder(Path.of(arguments[0])).follow(Duration.ofMillis(10)).open()) {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        Thread thread =
            new Thread(
                () -> {
                  while (!stop.get()) {
                    try {
                      answers
                          .computeIfAbsent(answer(retriever), a -> new AtomicLong())
                          .incrementAndGet();
                      // As a service waits for requests: the machine is shared.
                      Thread.sleep(2);
                    } catch (InterruptedException e) {
                      return;
                    } catch (RuntimeException e) {
                      failed.incrementAndGet();
                      System.out.println("failure " + e);
                    }
                  }
                });
        thread.start();
        threads.add(thread);
      }
      BufferedReader in =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      System.out.println("ready");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        System.out.println(line + " " + nativeKilobytes());
      }
      stop.set(true);
      for (Thread thread : threads) {
        thread.join();
      }
    }
    System.out.println("failed " + failed);
    answers.forEach((answer, count) -> System.out.println("answer " + count + " " + answer));
  }

  /** Memory of this process that is no file's and not the heap's. */
  private static long nativeKilobytes() throws IOException {
    System.gc();
    long anonymous =
        Files.readAllLines(Path.of("/proc/self/status")).stream()
            .filter(line -> line.startsWith("RssAnon:"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
            .findFirst()
            .orElseThrow();
    return anonymous
        - ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getCommitted() / 1024;
  }
}
