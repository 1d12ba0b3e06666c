package io.tandem.loss;

/**
 * e^x in single precision to about one unit in the seventh digit, several times faster than {@link
 * Math#exp}: x = n ln 2 + r, a polynomial for e^r, n added to the exponent.
 */
final class FastExp {
  private static final float LOG2_E = 1.442695f;
  private static final float LN2_HIGH = 0.6933594f;
  private static final float LN2_LOW = -2.1219444e-4f;

  /** Adding it rounds a float of moderate size to a whole number, kept in its lowest bits. */
  private static final float ROUNDER = 12582912f;

  private static final float LOWEST = -87f;

  private FastExp() {}

  /**
   * @param x at most 88; below -87, where the result is below 1e-37, -87 is taken
   */
  static float exp(float x) {
    float clamped = Math.max(LOWEST, x);
    float shifted = clamped * LOG2_E + ROUNDER;
    float n = shifted - ROUNDER;
    float r = clamped - n * LN2_HIGH - n * LN2_LOW;
    float p = 1.9875691e-4f;
    p = p * r + 1.3981999e-3f;
    p = p * r + 8.333452e-3f;
    p = p * r + 4.1665796e-2f;
    p = p * r + 1.6666666e-1f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1f;
    return Float.intBitsToFloat(Float.floatToRawIntBits(p) + ((int) n << 23));
  }
}
