package io.tandem.retrieval;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** When a retrieval gives up. */
final class Deadline {
  private static final Deadline NONE = new Deadline(Duration.ZERO, 0);

  private final Duration within;
  private final long end;

  private Deadline(Duration within, long end) {
    this.within = within;
    this.end = end;
  }

  /** Begins now; null for none, which allocates nothing. */
  static Deadline in(@Nullable Duration within) {
    if (within == null) {
      return NONE;
    }
    // Half of all longs: what is further away is never reached, and never overflows.
    long nanos =
        within.compareTo(Duration.ofNanos(Long.MAX_VALUE / 2)) > 0
            ? Long.MAX_VALUE / 2
            : within.toNanos();
    return new Deadline(within, System.nanoTime() + nanos);
  }

  boolean isNone() {
    return this == NONE;
  }

  /** At most 0 once it is over. */
  long nanosLeft() {
    return isNone() ? Long.MAX_VALUE : end - System.nanoTime();
  }

  /**
   * @param what would come next
   * @throws DeadlineException if the time is over
   */
  void checkBefore(String what) {
    if (!isNone() && nanosLeft() <= 0) {
      throw over(what);
    }
  }

  DeadlineException over(String before) {
    return new DeadlineException(within, before);
  }
}
