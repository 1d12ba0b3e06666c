package io.tandem.gpu;

/** CUDA cannot be used, or a call to it failed; the message says what is missing. */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public CudaException(String message) {
    super(message);
  }

  public CudaException(String message, Throwable cause) {
    super(message, cause);
  }
}
