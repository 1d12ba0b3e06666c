package io.tandem.gpu;

/** A part of an array. */
record HostFloats(float[] array, int from, int size) implements Floats {
  static HostFloats of(Floats floats) {
    if (floats instanceof HostFloats host) {
      return host;
    }
    throw new IllegalArgumentException("the memory is another device's");
  }

  @Override
  public long length() {
    return size;
  }

  @Override
  public HostFloats slice(long first, long length) {
    Check.slice(first, length, size);
    return new HostFloats(array, (int) (from + first), (int) length);
  }

  float get(int i) {
    return array[from + i];
  }

  void set(int i, float value) {
    array[from + i] = value;
  }

  void set(int i, double value) {
    array[from + i] = (float) value;
  }
}
