package io.tandem.feature;

import org.jspecify.annotations.Nullable;

/** One reading of raw values as text, number and time, for every implementation to share. */
public final class Values {
  private Values() {}

  /** A number as a category: whole numbers without a fraction; null for NaN. */
  public static @Nullable String text(double number) {
    if (Double.isNaN(number)) {
      return null;
    }
    boolean whole = number == Math.rint(number) && Math.abs(number) < 1e15;
    return whole ? Long.toString((long) number) : Double.toString(number);
  }

  /** Text as a number; NaN where it is missing or none. */
  public static double number(@Nullable String text) {
    if (text == null) {
      return Double.NaN;
    }
    try {
      return Double.parseDouble(text.strip());
    } catch (NumberFormatException notOne) {
      return Double.NaN;
    }
  }

  /** Seconds since 1970; Long.MIN_VALUE for NaN. */
  public static long time(double seconds) {
    return Double.isNaN(seconds) ? TimestampEncoder.MISSING : (long) Math.floor(seconds);
  }
}
