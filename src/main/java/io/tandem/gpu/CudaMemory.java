package io.tandem.gpu;

/**
 * Memory that kernels see: on the device, or on the host, pinned and mapped. Its address may change
 * while nothing uses it, as an upload's does when it grows. One owner, which closes it.
 */
final class CudaMemory implements AutoCloseable {
  private static final int MAPPED_AND_PORTABLE = 3;

  private final boolean onHost;
  private long address;
  private long hostAddress;
  private long bytes;

  private CudaMemory(boolean onHost) {
    this.onHost = onHost;
  }

  static CudaMemory onDevice(long bytes) {
    CudaMemory memory = new CudaMemory(false);
    memory.allocate(bytes);
    return memory;
  }

  static CudaMemory onHost(long bytes) {
    CudaMemory memory = new CudaMemory(true);
    memory.allocate(bytes);
    return memory;
  }

  /** As kernels see it. */
  long address() {
    return address;
  }

  /** As the host sees it. */
  long hostAddress() {
    return hostAddress;
  }

  long bytes() {
    return bytes;
  }

  /** Makes room for at least so many bytes; what was there is lost. */
  void require(long least) {
    if (least > bytes) {
      close();
      allocate(Math.max(least, least + least / 4));
    }
  }

  private void allocate(long least) {
    long size = Math.max(256, (least + 255) / 256 * 256);
    long[] pointer = new long[1];
    if (onHost) {
      Driver.check(
          Driver.cuMemHostAlloc(pointer, size, MAPPED_AND_PORTABLE),
          "cuMemHostAlloc of %d bytes of pinned memory".formatted(size));
      hostAddress = pointer[0];
      Driver.check(
          Driver.cuMemHostGetDevicePointer_v2(pointer, hostAddress, 0),
          "cuMemHostGetDevicePointer");
    } else {
      Driver.check(
          Driver.cuMemAlloc_v2(pointer, size),
          "cuMemAlloc of %d bytes of device memory".formatted(size));
    }
    address = pointer[0];
    bytes = size;
  }

  @Override
  public void close() {
    if (bytes == 0) {
      return;
    }
    bytes = 0;
    if (onHost) {
      Driver.check(Driver.cuMemFreeHost(hostAddress), "cuMemFreeHost");
    } else {
      Driver.check(Driver.cuMemFree_v2(address), "cuMemFree");
    }
  }
}
