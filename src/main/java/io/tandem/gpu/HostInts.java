package io.tandem.gpu;

/** Ints of an array. */
record HostInts(int[] array) implements Ints {
  static int[] of(Ints ints) {
    if (ints instanceof HostInts host) {
      return host.array;
    }
    throw new IllegalArgumentException("the memory is another device's");
  }

  @Override
  public long length() {
    return array.length;
  }
}
