package io.tandem.data;

import org.jspecify.annotations.Nullable;

/**
 * Data that cannot be used; the message names the source, the row and column, and what was found.
 */
public final class DataException extends RuntimeException {
  public DataException(String message) {
    super(message);
  }

  public DataException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
