package io.tandem.gpu;

/**
 * Arrays on their way to a device. They are put on one thread, sent together while the device still
 * works on something else, and used once {@link #await} was called. A new {@link #begin} ends the
 * use of all handed out before.
 */
public interface Upload extends AutoCloseable {
  /** Forgets what was put. */
  void begin();

  /** Puts {@code length} values from a place on. */
  Ints put(int[] values, int from, int length);

  /** Puts {@code length} values from a place on. */
  Floats put(float[] values, int from, int length);

  /** Puts values {@code 0} until {@code length}. */
  default Ints put(int[] values, int length) {
    return put(values, 0, length);
  }

  /** Puts values {@code 0} until {@code length}. */
  default Floats put(float[] values, int length) {
    return put(values, 0, length);
  }

  /** Starts the copy. */
  void send();

  /** Everything asked of the device from here on comes after the copy. */
  void await();

  @Override
  void close();
}
