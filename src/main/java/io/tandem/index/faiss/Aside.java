package io.tandem.index.faiss;

import io.tandem.faiss.Faiss;
import io.tandem.faiss.binding.global.faiss;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Work beside queries: on a thread that runs where these leave a core free. */
public final class Aside {
  private Aside() {}

  /**
   * Does work, which throws nothing that is checked, and returns when it has ended.
   *
   * @throws CancellationException if this thread is interrupted, which interrupts the work too
   */
  public static <T> T call(Callable<T> work) {
    FutureTask<T> task =
        new FutureTask<>(
            () -> {
              Faiss.run(faiss::yield_to_others);
              return work.call();
            });
    Thread thread = new Thread(task, "tandem-aside");
    thread.setDaemon(true);
    thread.start();
    try {
      return await(task, thread);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      if (e.getCause() instanceof Error failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  private static <T> T await(FutureTask<T> task, Thread thread) throws ExecutionException {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return task.get();
        } catch (InterruptedException e) {
          // The work decides how it ends: what it opened by then it closes or gives.
          interrupted = true;
          thread.interrupt();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
