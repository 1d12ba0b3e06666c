package io.tandem.retrieval;

/** Takes the times of one retrieval's stages; {@link #STOPPED} takes none and costs nothing. */
class Stopwatch {
  static final Stopwatch STOPPED = new Stopwatch();

  /** Its turn has come. */
  void entered() {}

  void encoded() {}

  void filtered() {}

  /**
   * @param candidates that were compared
   */
  void searched(long candidates) {}

  /** Tells a listener at the end. */
  static final class Running extends Stopwatch {
    private final long begin = System.nanoTime();
    private long entered = begin;
    private long encoded;
    private long filtered;
    private long searched;
    private long scanned;

    @Override
    void entered() {
      entered = System.nanoTime();
    }

    @Override
    void encoded() {
      encoded = System.nanoTime();
    }

    @Override
    void filtered() {
      filtered = System.nanoTime();
    }

    @Override
    void searched(long candidates) {
      searched = System.nanoTime();
      scanned = candidates;
    }

    void tell(RetrieverListener listener) {
      listener.retrieved(
          encoded - entered,
          filtered - encoded,
          searched - filtered,
          System.nanoTime() - begin,
          scanned);
    }

    void tell(int queries, RetrieverListener listener) {
      listener.batchRetrieved(queries, System.nanoTime() - begin);
    }
  }
}
