package io.tandem.gpu;

/** What a rank waited for will not come: another one failed first, and says why. */
public final class CollectiveException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CollectiveException(String message, Throwable cause) {
    super(message, cause);
  }
}
