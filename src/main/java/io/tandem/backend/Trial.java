package io.tandem.backend;

import java.nio.FloatBuffer;
import java.util.SplittableRandom;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A program that tries the back end: a matrix product, random numbers, and whether what Java writes
 * and what ND4J computes agree. It runs by itself, since a back end that does not fit its GPU or
 * its driver may end the process.
 */
public final class Trial {
  private static final int SIZE = 96;
  private static final int DRAWS = 100_000;
  private static final double TOLERANCE = 1e-3;

  private Trial() {}

  /** Prints one line: the back end's class and the seconds until it had computed something. */
  public static void main(String[] arguments) {
    long begin = System.nanoTime();
    product();
    double seconds = (System.nanoTime() - begin) / 1e9;
    random();
    memory();
    System.out.printf(
        java.util.Locale.ROOT, "%s %.1f%n", Nd4j.getBackend().getClass().getSimpleName(), seconds);
    System.out.flush();
    // ND4J's own threads would go on.
    System.exit(0);
  }

  private static void product() {
    SplittableRandom random = new SplittableRandom(1);
    float[] a = floats(random);
    float[] b = floats(random);
    INDArray result = Nd4j.createUninitialized(DataType.FLOAT, new long[] {SIZE, SIZE}, 'f');
    Nd4j.gemm(matrix(a), matrix(b), result, false, true, 1, 0);
    float[] found = new float[SIZE * SIZE];
    HostMemory.get(result, found, 0, found.length);
    for (int row = 0; row < SIZE; row++) {
      for (int column = 0; column < SIZE; column++) {
        double expected = 0;
        for (int k = 0; k < SIZE; k++) {
          expected += (double) a[row * SIZE + k] * b[column * SIZE + k];
        }
        check("a matrix product", expected, found[column * SIZE + row]);
      }
    }
  }

  private static void random() {
    INDArray draws = Nd4j.rand(DataType.FLOAT, DRAWS);
    check("the mean of random numbers", 0.5, draws.meanNumber().doubleValue(), 0.02);
    check("their variance", 1 / 12.0, draws.varNumber().doubleValue(), 0.02);
  }

  /** Written by Java, changed by ND4J, changed by Java, summed by ND4J. */
  private static void memory() {
    INDArray array = matrix(new float[SIZE * SIZE]);
    array.addi(1);
    FloatBuffer values = HostMemory.of(array);
    for (int i = 0; i < SIZE * SIZE; i++) {
      values.put(i, values.get(i) + 1);
    }
    HostMemory.written(array);
    check("numbers written by turns", 2.0 * SIZE * SIZE, array.sumNumber().doubleValue());
  }

  private static float[] floats(SplittableRandom random) {
    float[] result = new float[SIZE * SIZE];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) random.nextDouble() - 0.5f;
    }
    return result;
  }

  private static INDArray matrix(float[] values) {
    INDArray result = Nd4j.createUninitialized(DataType.FLOAT, new long[] {SIZE, SIZE}, 'c');
    HostMemory.put(result, values, values.length);
    return result;
  }

  private static void check(String what, double expected, double found) {
    check(what, expected, found, TOLERANCE);
  }

  private static void check(String what, double expected, double found, double tolerance) {
    if (!(Math.abs(expected - found) <= tolerance)) {
      throw new IllegalStateException("%s: expected %s, found %s".formatted(what, expected, found));
    }
  }
}
