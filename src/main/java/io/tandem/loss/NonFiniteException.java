package io.tandem.loss;

/** A number of training that is infinite or not a number; the message says which. */
public final class NonFiniteException extends RuntimeException {
  public NonFiniteException(String message) {
    super(message);
  }
}
