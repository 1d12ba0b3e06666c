package io.tandem.gpu;

/** Floats in a device's memory. */
public interface Floats {
  long length();

  /** A part of these, not a copy. */
  Floats slice(long from, long length);
}
