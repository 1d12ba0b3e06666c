package io.tandem.index;

import org.jspecify.annotations.Nullable;

/** An index that cannot be built, written or read; the message says what was expected and found. */
public final class IndexException extends RuntimeException {
  public IndexException(String message) {
    super(message);
  }

  public IndexException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /** A failure whose own message says enough. */
  public IndexException(Throwable cause) {
    super(cause.getMessage(), cause);
  }
}
