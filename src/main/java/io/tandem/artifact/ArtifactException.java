package io.tandem.artifact;

import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * A store or version that cannot be used or written; the message names the file, what was expected
 * and what was found.
 */
public final class ArtifactException extends RuntimeException {
  public ArtifactException(String message) {
    super(message);
  }

  public ArtifactException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /** Something about a file is not as it must be. */
  static ArtifactException of(Object file, String expected, Object found) {
    return new ArtifactException("%s: expected %s, found %s".formatted(file, expected, found));
  }

  /**
   * The system refused; the reason is said in one line. Where it refused because the thread was
   * interrupted, a {@link CancellationException}.
   */
  static RuntimeException of(String failed, Exception cause) {
    Throwable origin =
        cause instanceof UncheckedIOException && cause.getCause() != null
            ? cause.getCause()
            : cause;
    if (origin instanceof ClosedByInterruptException) {
      RuntimeException interrupted = new CancellationException(failed + ": interrupted");
      interrupted.initCause(cause);
      return interrupted;
    }
    String reason = origin.getMessage();
    return new ArtifactException(
        failed + ": " + (reason == null ? origin.getClass().getSimpleName() : reason), cause);
  }
}
