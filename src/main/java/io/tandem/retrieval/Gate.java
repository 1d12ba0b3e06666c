package io.tandem.retrieval;

import java.util.concurrent.CancellationException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Lets some retrievals in at once, in the order in which they came: what they need of memory is
 * bounded by that, however many wait.
 */
final class Gate {
  private final @Nullable Semaphore places;

  /**
   * @param places 0 for no bound, which takes no lock either
   */
  Gate(int places) {
    this.places = places == 0 ? null : new Semaphore(places, true);
  }

  /**
   * Waits for a place, which {@link #leave} gives back.
   *
   * @throws DeadlineException if the time is over first
   * @throws CancellationException if the thread is interrupted while it waits
   */
  void enter(Deadline deadline) {
    if (places == null) {
      return;
    }
    try {
      if (deadline.isNone()) {
        places.acquire();
      } else if (!places.tryAcquire(Math.max(0, deadline.nanosLeft()), TimeUnit.NANOSECONDS)) {
        throw deadline.over("its turn came");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for its turn");
    }
  }

  void leave() {
    if (places != null) {
      places.release();
    }
  }
}
