package io.tandem.retrieval;

import java.time.Duration;

/** A retrieval was not answered within the time it was given. */
public final class DeadlineException extends RuntimeException {
  DeadlineException(Duration within, String before) {
    super(
        "no answer within %d ms: the time was over before %s".formatted(within.toMillis(), before));
  }
}
