package io.tandem.gpu;

/** A moment of one stream that another waits for. The context must be current. */
final class CudaEvent implements AutoCloseable {
  private static final int DISABLE_TIMING = 2;

  private final long handle;

  CudaEvent() {
    long[] pointer = new long[1];
    Driver.check(Driver.cuEventCreate(pointer, DISABLE_TIMING), "cuEventCreate");
    handle = pointer[0];
  }

  /** Becomes the moment when all that the stream was given by now is done. */
  void record(CudaStream stream) {
    record(stream.handle());
  }

  /** The same for a stream by its handle. */
  void record(long stream) {
    Driver.check(Driver.cuEventRecord(handle, stream), "cuEventRecord");
  }

  /** Waits on the host for that moment. */
  void synchronize() {
    Driver.check(Driver.cuEventSynchronize(handle), "the kernels before an event");
  }

  /** What the context's own stream is given from now on waits for that moment. */
  void await(CudaContext context) {
    Driver.check(Driver.cuStreamWaitEvent(context.stream(), handle, 0), "cuStreamWaitEvent");
  }

  @Override
  public void close() {
    Driver.check(Driver.cuEventDestroy_v2(handle), "cuEventDestroy");
  }
}
