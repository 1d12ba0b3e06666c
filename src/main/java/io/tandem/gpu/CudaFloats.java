package io.tandem.gpu;

import org.jspecify.annotations.Nullable;

/**
 * Floats of a CUDA device.
 *
 * @param from place in the memory, in floats
 */
record CudaFloats(CudaMemory memory, long from, long length) implements Floats {
  static CudaFloats of(Floats floats) {
    if (floats instanceof CudaFloats cuda) {
      return cuda;
    }
    throw new IllegalArgumentException("the memory is another device's");
  }

  static long addressOf(@Nullable Floats floats) {
    return floats == null ? 0 : of(floats).address();
  }

  @Override
  public CudaFloats slice(long first, long part) {
    Check.slice(first, part, length);
    return new CudaFloats(memory, from + first, part);
  }

  long address() {
    return memory.address() + from * Float.BYTES;
  }
}
