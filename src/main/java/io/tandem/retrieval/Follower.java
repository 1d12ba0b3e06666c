package io.tandem.retrieval;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Looks at a store again and again, on one thread of its own. */
final class Follower implements AutoCloseable {
  /** Longer than any process lives, and well within what nanoseconds can say. */
  private static final Duration LONGEST = Duration.ofDays(36_500);

  private final ScheduledExecutorService thread;

  /**
   * @param look must not throw: it would be the last
   */
  Follower(Duration every, Runnable look) {
    thread =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread follower = new Thread(work, "tandem-follow");
              follower.setDaemon(true);
              return follower;
            });
    long nanos = every.compareTo(LONGEST) > 0 ? LONGEST.toNanos() : every.toNanos();
    // It ends with the thread, and the look throws nothing that it could report.
    var unused = thread.scheduleWithFixedDelay(look, nanos, nanos, TimeUnit.NANOSECONDS);
  }

  /** Returns once no look is under way. */
  @Override
  public void close() {
    thread.shutdown();
    boolean interrupted = false;
    while (!thread.isTerminated()) {
      try {
        thread.awaitTermination(1, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
