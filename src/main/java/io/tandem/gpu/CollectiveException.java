package io.tandem.gpu;

import org.jspecify.annotations.Nullable;

/** What a rank waited for will not come: another one failed first, and says why. */
public final class CollectiveException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CollectiveException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
