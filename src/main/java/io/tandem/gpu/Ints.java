package io.tandem.gpu;

/** Ints in a device's memory. */
public interface Ints {
  long length();
}
