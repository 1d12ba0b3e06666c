package io.tandem.tower;

import org.bytedeco.openblas.global.openblas_nolapack;

/**
 * OpenBLAS on the calling thread alone, as long as one of these is open. Callers that work in
 * parallel would otherwise wait for each other's helper threads in every product, and on shared
 * cores most of the time. The setting belongs to the process, so it is counted here for all: what
 * it was comes back when the last is closed.
 */
final class BlasThreads implements AutoCloseable {
  private static int open;
  private static int before;

  private boolean closed;

  private BlasThreads() {}

  /** Each product on the thread that asks for it. */
  static BlasThreads one() {
    synchronized (BlasThreads.class) {
      if (open++ == 0) {
        before = openblas_nolapack.blas_get_num_threads();
        openblas_nolapack.blas_set_num_threads(1);
      }
    }
    return new BlasThreads();
  }

  @Override
  public void close() {
    synchronized (BlasThreads.class) {
      if (!closed && --open == 0) {
        openblas_nolapack.blas_set_num_threads(before);
      }
      closed = true;
    }
  }
}
