package io.tandem.baseline;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/** A fixed number of threads that take tasks one after the other, the lowest number first. */
final class Workers implements AutoCloseable {
  private final int threads;
  private final ExecutorService pool;

  /** A task of many. */
  interface Task {
    /**
     * Does it.
     *
     * @param task its number
     * @param worker who does it, in 0 until {@link #threads}; has one task at a time
     */
    void run(int task, int worker);
  }

  Workers(int threads) {
    this.threads = threads;
    pool =
        Executors.newFixedThreadPool(
            threads,
            work -> {
              Thread thread = new Thread(work, "als");
              thread.setDaemon(true);
              return thread;
            });
  }

  int threads() {
    return threads;
  }

  /**
   * Runs tasks 0 until count and waits for them.
   *
   * @throws CancellationException if this thread is interrupted; then some were not run
   */
  void run(int count, Task task) {
    AtomicInteger next = new AtomicInteger();
    List<Callable<Void>> loops = new ArrayList<>();
    for (int i = 0; i < Math.min(threads, count); i++) {
      int worker = i;
      loops.add(
          () -> {
            int number = next.getAndIncrement();
            while (number < count && !Thread.currentThread().isInterrupted()) {
              task.run(number, worker);
              number = next.getAndIncrement();
            }
            return null;
          });
    }
    try {
      for (Future<Void> loop : pool.invokeAll(loops)) {
        loop.get();
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      CancellationException cancelled = new CancellationException("interrupted");
      cancelled.initCause(interrupted);
      throw cancelled;
    } catch (ExecutionException failed) {
      if (failed.getCause() instanceof RuntimeException problem) {
        throw problem;
      }
      if (failed.getCause() instanceof Error problem) {
        throw problem;
      }
      throw new IllegalStateException(failed.getCause());
    }
  }

  @Override
  public void close() {
    pool.shutdownNow();
  }
}
