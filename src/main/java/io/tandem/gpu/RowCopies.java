package io.tandem.gpu;

/**
 * Rows that go between the host and matrices of a device, beside what the device works on: the
 * caller sees to it that nothing asked of the device touches the same rows meanwhile. One thread at
 * a time, which need not be the device's.
 */
public interface RowCopies extends AutoCloseable {
  /**
   * Copies rows to the host and waits for them: target[i] = matrix[rows[i]].
   *
   * @param matrix [any, width]
   * @param count of the rows
   * @param target [count, width]
   */
  void read(Floats matrix, int width, int[] rows, int count, float[] target);

  /**
   * Copies rows from the host: matrix[rows[i]] = source[i], no row twice.
   *
   * @param source [count, width], free again at once
   */
  void write(float[] source, int count, Floats matrix, int width, int[] rows);

  /** Everything asked of the device from here on comes after the copies; from any thread. */
  void await();

  @Override
  void close();
}
