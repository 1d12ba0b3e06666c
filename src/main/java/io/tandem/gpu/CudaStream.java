package io.tandem.gpu;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import io.tandem.gpu.CudaContext.Grid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Kernels and copies that run in order. One thread at a time; the context must be current. */
final class CudaStream implements AutoCloseable {
  private static final int NON_BLOCKING = 1;
  private static final int MOST_PARAMETERS = 32;

  private final CudaContext context;
  private final long handle;

  /** Values of a launch's parameters, 8 bytes each, and their addresses. */
  private final ByteBuffer values =
      ByteBuffer.allocateDirect(MOST_PARAMETERS * 8).order(ByteOrder.nativeOrder());

  private final ByteBuffer addresses =
      ByteBuffer.allocateDirect(MOST_PARAMETERS * 8).order(ByteOrder.nativeOrder());
  private final long addressesAt;

  CudaStream(CudaContext context) {
    this.context = context;
    context.bind();
    long[] pointer = new long[1];
    Driver.check(Driver.cuStreamCreate(pointer, NON_BLOCKING), "cuStreamCreate");
    handle = pointer[0];
    long valuesAt = Pointer.nativeValue(Native.getDirectBufferPointer(values));
    for (int i = 0; i < MOST_PARAMETERS; i++) {
      addresses.putLong(i * 8, valuesAt + i * 8L);
    }
    addressesAt = Pointer.nativeValue(Native.getDirectBufferPointer(addresses));
  }

  long handle() {
    return handle;
  }

  /**
   * Launches a kernel.
   *
   * @param parameters Integers, Floats, Longs (64-bit numbers and addresses), in the kernel's order
   */
  void launch(String kernel, Grid grid, Object... parameters) {
    for (int i = 0; i < parameters.length; i++) {
      Object parameter = parameters[i];
      values.putLong(i * 8, 0);
      if (parameter instanceof Integer number) {
        values.putInt(i * 8, number);
      } else if (parameter instanceof Float number) {
        values.putFloat(i * 8, number);
      } else if (parameter instanceof Long number) {
        values.putLong(i * 8, number);
      } else {
        throw new IllegalArgumentException(
            "parameter %d of %s: %s".formatted(i, kernel, parameter));
      }
    }
    Driver.check(
        Driver.cuLaunchKernel(
            context.function(kernel, grid.sharedBytes()),
            grid.x(),
            grid.y(),
            grid.z(),
            grid.threads(),
            1,
            1,
            grid.sharedBytes(),
            handle,
            addressesAt,
            0),
        "launching " + kernel);
  }

  void synchronize(String what) {
    Driver.check(Driver.cuStreamSynchronize(handle), what);
  }

  @Override
  public void close() {
    Driver.check(Driver.cuStreamDestroy_v2(handle), "cuStreamDestroy");
  }
}
