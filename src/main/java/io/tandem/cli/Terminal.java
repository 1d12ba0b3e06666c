package io.tandem.cli;

/** Where the commands write to. */
final class Terminal {
  private Terminal() {}

  /** Whether a line of standard output can be drawn over; the launcher has looked. */
  static boolean present() {
    return Boolean.getBoolean("tandem.terminal");
  }
}
