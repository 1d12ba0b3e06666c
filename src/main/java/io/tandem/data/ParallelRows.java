package io.tandem.data;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** Work on an attribute table, several chunks at a time, with results in the table's order. */
public final class ParallelRows {
  private ParallelRows() {}

  /** What is done with a chunk. Called from several threads at once. */
  public interface Work<T> {
    T of(Rows rows, int first);
  }

  /**
   * Reads a table once. At most {@code threads} + 1 chunks and results are held at a time.
   *
   * @param work on each chunk, given with the number of its first row; on a thread of its own
   * @param consumer of each result, in order, on the calling thread
   * @throws RuntimeException or an error that the work threw, once nothing is at work any more
   */
  public static <T> void forEachChunk(
      Attributes attributes, int threads, Work<T> work, Consumer<T> consumer) {
    ExecutorService pool = Executors.newFixedThreadPool(threads, ParallelRows::thread);
    try {
      Deque<Future<T>> pending = new ArrayDeque<>();
      int[] next = {0};
      attributes.forEachChunk(
          rows -> {
            int first = next[0];
            next[0] += rows.size();
            if (pending.size() > threads) {
              consumer.accept(result(pending.remove()));
            }
            pending.add(pool.submit(() -> work.of(rows, first)));
          });
      while (!pending.isEmpty()) {
        consumer.accept(result(pending.remove()));
      }
    } finally {
      stop(pool);
    }
  }

  private static <T> T result(Future<T> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException known) {
        throw known;
      }
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted");
    }
  }

  /** Returns once no work is under way: what it uses may be freed then. */
  private static void stop(ExecutorService pool) {
    pool.shutdownNow();
    boolean interrupted = false;
    while (!pool.isTerminated()) {
      try {
        pool.awaitTermination(1, java.util.concurrent.TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "tandem-rows");
    thread.setDaemon(true);
    return thread;
  }
}
