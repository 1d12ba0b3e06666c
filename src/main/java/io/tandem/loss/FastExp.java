package io.tandem.loss;

/**
 * e^x in single precision to about five units in the sixth digit, by multiplications and additions
 * alone, so that the JIT makes vector instructions of a loop over it: a Taylor polynomial of degree
 * 8 for e^(x / 32), squared five times.
 *
 * <p>That is as exact as logits in single precision are: one of size 30 is known to 2e-6.
 */
public final class FastExp {
  private static final float LOWEST = -32;

  private FastExp() {}

  /**
   * Replaces values by e^(value − shift).
   *
   * @param shift at least every value; where a value is more than 32 below it, e^-32 is taken
   */
  public static void exp(float[] values, int n, float shift) {
    for (int i = 0; i < n; i++) {
      float t = Math.max(LOWEST, values[i] - shift) * (1f / 32) + 0.5f;
      float p = 2.4801588e-5f;
      p = p * t + 1.984127e-4f;
      p = p * t + 0.0013888889f;
      p = p * t + 0.008333334f;
      p = p * t + 0.041666668f;
      p = p * t + 0.16666667f;
      p = p * t + 0.5f;
      p = p * t + 1f;
      p = p * t + 1f;
      p *= 0.60653067f;
      p *= p;
      p *= p;
      p *= p;
      p *= p;
      values[i] = p * p;
    }
  }

  /**
   * Replaces values by e^(value − shift), each with its own shift, at least the value.
   *
   * @param from first place that is replaced
   * @param to one past the last
   */
  public static void exp(float[] values, float[] shifts, int from, int to) {
    for (int i = from; i < to; i++) {
      float t = Math.max(LOWEST, values[i] - shifts[i]) * (1f / 32) + 0.5f;
      float p = 2.4801588e-5f;
      p = p * t + 1.984127e-4f;
      p = p * t + 0.0013888889f;
      p = p * t + 0.008333334f;
      p = p * t + 0.041666668f;
      p = p * t + 0.16666667f;
      p = p * t + 0.5f;
      p = p * t + 1f;
      p = p * t + 1f;
      p *= 0.60653067f;
      p *= p;
      p *= p;
      p *= p;
      p *= p;
      values[i] = p * p;
    }
  }
}
