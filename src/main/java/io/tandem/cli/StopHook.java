package io.tandem.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Makes Ctrl-C ask work to stop, and wait until it has. */
final class StopHook {
  /** How long an interrupted thread may take to clean up. */
  private static final long GRACE_SECONDS = 10;

  /** How long a command that ended may take to say how it ended. */
  private static final long LAST_WORDS_MILLIS = 2000;

  private StopHook() {}

  /**
   * Does work that can be stopped.
   *
   * @param stop called from another thread
   */
  static <T> T during(Runnable stop, Supplier<T> work) {
    return during(stop, Long.MAX_VALUE, work);
  }

  /**
   * Does work that ends soon after its thread is interrupted, and cleans up: where it takes longer,
   * what it leaves must be harmless.
   */
  static <T> T interrupting(Supplier<T> work) {
    return during(Thread.currentThread()::interrupt, GRACE_SECONDS, work);
  }

  private static <T> T during(Runnable stop, long graceSeconds, Supplier<T> work) {
    CountDownLatch done = new CountDownLatch(1);
    Thread command = Thread.currentThread();
    Thread hook = new Thread(() -> stop(stop, graceSeconds, done, command), "tandem-stop");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      return work.get();
    } finally {
      done.countDown();
      remove(hook);
    }
  }

  /** Whether the process is ending already, so that nobody needs to end it. */
  static boolean isStopping() {
    Thread probe = new Thread(() -> {});
    try {
      Runtime.getRuntime().addShutdownHook(probe);
      Runtime.getRuntime().removeShutdownHook(probe);
      return false;
    } catch (IllegalStateException shuttingDown) {
      return true;
    }
  }

  private static void stop(Runnable stop, long graceSeconds, CountDownLatch done, Thread command) {
    stop.run();
    try {
      boolean ended = done.await(graceSeconds, TimeUnit.SECONDS);
      if (ended) {
        // The process ends with this hook: an error is reported after the work that it ends.
        command.join(LAST_WORDS_MILLIS);
      } else {
        System.err.println("Stopped in the middle; the next writer removes what is left of it.");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void remove(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException shuttingDown) {
      // The hook is what got us here.
    }
  }
}
