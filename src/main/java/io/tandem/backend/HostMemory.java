package io.tandem.backend;

import java.nio.FloatBuffer;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.concurrency.AffinityManager.Location;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * An array's numbers as the JVM sees them. ND4J's CPU back end has no other copy of them. Its CUDA
 * back end has one in device memory and one in host memory, and must be told which is the newer:
 * reading here first brings the host's copy up to date, and after writing {@link #written} makes it
 * the one that the next operation takes. Nowhere else may an array's memory be touched.
 *
 * <p>Buffers hold the whole of an array's data from its offset on, in the order in which it lies in
 * memory. They are valid until an operation of ND4J writes to the array: to read it after that, ask
 * again. Any number of threads may use a buffer; asking for one and {@link #written} belong to the
 * thread that runs operations on the array.
 */
public final class HostMemory {
  private HostMemory() {}

  /**
   * An array's current numbers, to be read; or to be written too, with {@link #written} after it.
   *
   * @param array of floats
   */
  public static FloatBuffer of(INDArray array) {
    return array.data().asNioFloat();
  }

  /** Says that an array's numbers were written through its buffer. */
  public static void written(INDArray array) {
    Nd4j.getAffinityManager().tagLocation(array, Location.HOST);
  }

  /** Brings the host's copy up to date where a buffer of it is at hand already. */
  public static void refresh(INDArray array) {
    Nd4j.getAffinityManager().ensureLocation(array, Location.HOST);
  }

  /** Where an array's numbers lie in host memory, for BLAS; as {@link #of} otherwise. */
  public static FloatPointer pointer(INDArray array) {
    return new FloatPointer(array.data().addressPointer());
  }

  /** Copies an array's first numbers. */
  public static void get(INDArray array, float[] target, int at, int length) {
    of(array).get(0, target, at, length);
  }

  /** Overwrites an array's first numbers. */
  public static void put(INDArray array, float[] source, int length) {
    of(array).put(0, source, 0, length);
    written(array);
  }
}
