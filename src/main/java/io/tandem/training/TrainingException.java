package io.tandem.training;

import org.jspecify.annotations.Nullable;

/** A training that cannot go on; the message says where it stood and why. */
public final class TrainingException extends RuntimeException {
  public TrainingException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
