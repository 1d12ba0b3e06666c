package io.tandem.retarget;

/** Retargeting cannot go on; the message says what was expected and what was found. */
final class RetargetException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  RetargetException(String message) {
    super(message);
  }

  RetargetException(String message, Throwable cause) {
    super(message, cause);
  }
}
