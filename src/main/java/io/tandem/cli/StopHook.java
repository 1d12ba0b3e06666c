package io.tandem.cli;

import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;

/** Makes Ctrl-C ask work to stop, and wait until it has. */
final class StopHook {
  private StopHook() {}

  /**
   * Does work that can be stopped.
   *
   * @param stop called from another thread
   */
  static <T> T during(Runnable stop, Supplier<T> work) {
    CountDownLatch done = new CountDownLatch(1);
    Thread hook = new Thread(() -> stop(stop, done), "tandem-stop");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      return work.get();
    } finally {
      done.countDown();
      remove(hook);
    }
  }

  private static void stop(Runnable stop, CountDownLatch done) {
    stop.run();
    try {
      done.await();
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
