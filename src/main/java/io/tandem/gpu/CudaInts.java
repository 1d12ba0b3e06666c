package io.tandem.gpu;

/**
 * Ints of a CUDA device.
 *
 * @param from place in the memory, in ints
 */
record CudaInts(CudaMemory memory, long from, long length) implements Ints {
  long address() {
    return memory.address() + from * Integer.BYTES;
  }

  static long addressOf(Ints ints) {
    if (ints instanceof CudaInts cuda) {
      return cuda.address();
    }
    throw new IllegalArgumentException("the memory is another device's");
  }
}
