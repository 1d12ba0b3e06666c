package io.tandem.gpu;

import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the loss by products of warpgroups gives, on the GPU at hand, what the common kernels
 * give. Their code leans on what compilers and drivers do with registers of products under way, and
 * one compiler got that wrong; so they are tried on a small problem before they are used, once a
 * process.
 */
final class WarpgroupCheck {
  private static final Logger LOG = LoggerFactory.getLogger(WarpgroupCheck.class);
  private static final int ROWS = 300;
  private static final int CANDIDATES = 650;
  private static final int DIM = 64;
  private static final float SCALE = 10;

  /** Operands are the same; the weights of the second product are rounded against another base. */
  private static final Map<Precision, Double> TOLERANCE =
      Map.of(Precision.TF32, 2e-3, Precision.BF16, 2e-2);

  private static final Map<String, Boolean> PASSED = new ConcurrentHashMap<>();

  private WarpgroupCheck() {}

  /** Whether a GPU's warpgroup products, if it has them, may be trusted; where not, logs that. */
  static boolean passes(int ordinal, Precision precision) {
    return PASSED.computeIfAbsent(ordinal + " " + precision, key -> check(ordinal, precision));
  }

  private static boolean check(int ordinal, Precision precision) {
    float[][] found;
    try (CudaDevice device = CudaDevice.open(ordinal, precision, true)) {
      if (!device.hasWarpgroups()) {
        return true;
      }
      found = gradients(device);
    }
    try (CudaDevice device = CudaDevice.open(ordinal, precision, false)) {
      return agree(precision, gradients(device), found);
    }
  }

  /** Whether matrices are as near to the expected ones as roundings leave them. */
  static boolean agree(Precision precision, float[][] expected, float[][] found) {
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      difference = Math.max(difference, difference(expected[i], found[i]));
    }
    boolean passed = difference <= TOLERANCE.getOrDefault(precision, 0.0);
    if (!passed) {
      LOG.warn(
          "the loss by warpgroups differs from the common kernels' by {}, relatively: not used",
          difference);
    }
    return passed;
  }

  /** ‖found − expected‖ / ‖expected‖; infinite where a number is not. */
  private static double difference(float[] expected, float[] found) {
    double size = 0;
    double distance = 0;
    for (int i = 0; i < expected.length; i++) {
      size += expected[i] * (double) expected[i];
      distance += Math.pow(expected[i] - (double) found[i], 2);
    }
    double relative = Math.sqrt(distance / size);
    return Double.isNaN(relative) ? Double.POSITIVE_INFINITY : relative;
  }

  /** Gradients by u and by v of a fixed problem; row i's target is candidate i. */
  private static float[][] gradients(CudaDevice device) {
    SplittableRandom random = new SplittableRandom(1);
    float[] u = units(random, ROWS);
    float[] v = units(random, CANDIDATES);
    int[] numbers = new int[CANDIDATES + 1];
    Arrays.setAll(numbers, i -> i);
    int[] rowOf = new int[CANDIDATES + 1];
    Arrays.setAll(rowOf, i -> Math.min(i, ROWS));
    int[] ones = new int[ROWS];
    Arrays.fill(ones, 1);
    float[] shares = new float[ROWS];
    Arrays.fill(shares, 1);
    float[] weights = new float[ROWS];
    Arrays.fill(weights, 1f / ROWS);
    float[] negative = new float[Softmax.padded(CANDIDATES)];
    Arrays.fill(negative, Softmax.NEVER);
    for (int j = 0; j < CANDIDATES; j++) {
      negative[j] = j % 17 == 3 ? Softmax.NEVER : random.nextInt(4);
    }
    try (Upload upload = device.upload()) {
      upload.begin();
      Ints identity = upload.put(numbers, numbers.length);
      Ints byCandidate = upload.put(rowOf, rowOf.length);
      Softmax problem =
          new Softmax(
              ROWS,
              CANDIDATES,
              DIM,
              upload.put(u, u.length),
              upload.put(v, v.length),
              identity,
              identity,
              upload.put(shares, ROWS),
              upload.put(ones, ROWS),
              identity,
              identity,
              byCandidate,
              identity,
              byCandidate,
              identity,
              identity,
              upload.put(negative, negative.length),
              upload.put(new float[CANDIDATES], CANDIDATES),
              upload.put(weights, ROWS),
              SCALE,
              device.floats(u.length),
              device.floats(v.length));
      upload.send();
      upload.await();
      device.softmax(problem);
      float[][] gradients = {new float[u.length], new float[v.length]};
      device.read(problem.byU(), gradients[0], 0, u.length);
      device.read(problem.byV(), gradients[1], 0, v.length);
      return gradients;
    }
  }

  private static float[] units(SplittableRandom random, int rows) {
    float[] matrix = new float[rows * DIM];
    for (int row = 0; row < rows; row++) {
      double squares = 0;
      for (int i = row * DIM; i < (row + 1) * DIM; i++) {
        matrix[i] = (float) (random.nextDouble() - 0.5);
        squares += matrix[i] * (double) matrix[i];
      }
      for (int i = row * DIM; i < (row + 1) * DIM; i++) {
        matrix[i] /= (float) Math.sqrt(squares);
      }
    }
    return matrix;
  }
}
