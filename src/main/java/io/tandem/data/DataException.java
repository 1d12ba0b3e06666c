package io.tandem.data;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Path;
import java.util.concurrent.CancellationException;
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

  /**
   * What reading a file failed with, to be thrown: a {@link CancellationException} where the thread
   * was interrupted, which says nothing about the file.
   */
  public static RuntimeException unreadable(Path file, IOException cause) {
    if (cause instanceof ClosedByInterruptException) {
      RuntimeException interrupted = new CancellationException("interrupted while reading " + file);
      interrupted.initCause(cause);
      return interrupted;
    }
    String reason = cause.getMessage();
    return new DataException(
        file + ": cannot be read: " + (reason == null ? cause.getClass().getSimpleName() : reason),
        cause);
  }
}
