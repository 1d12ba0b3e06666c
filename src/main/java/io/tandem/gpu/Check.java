package io.tandem.gpu;

import com.google.errorprone.annotations.FormatMethod;

/** Sizes, before native code sees them. */
final class Check {
  private Check() {}

  @FormatMethod
  static void that(boolean holds, String message, Object... arguments) {
    if (!holds) {
      throw new IllegalArgumentException(String.format(message, arguments));
    }
  }

  static void length(String name, Floats values, long least) {
    that(
        values.length() >= least, "%s: expected %d floats, found %d", name, least, values.length());
  }

  static void length(String name, Ints values, long least) {
    that(values.length() >= least, "%s: expected %d ints, found %d", name, least, values.length());
  }

  /** A slice of something of a length. */
  static void slice(long from, long part, long whole) {
    that(
        from >= 0 && part >= 0 && from <= whole - part,
        "expected a part of %d, found %d from %d",
        whole,
        part,
        from);
  }
}
