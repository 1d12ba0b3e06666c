package io.tandem.gpu;

import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/** Pinned memory, its counterpart on the device, and a stream of its own for the copies. */
final class CudaUpload implements Upload {
  private static final long ALIGNMENT = 256;

  private final CudaContext context;
  private final CudaMemory device = CudaMemory.onDevice(1);
  private final CudaStream stream;
  private final CudaEvent copied;
  private CudaMemory pinned = CudaMemory.onHost(1 << 20);
  private long used;

  CudaUpload(CudaContext context) {
    this.context = context;
    stream = new CudaStream(context);
    copied = new CudaEvent();
  }

  @Override
  public void begin() {
    context.bind();
    stream.synchronize("an upload");
    used = 0;
  }

  @Override
  public Ints put(int[] values, int from, int length) {
    IntBuffer target = place(length).asIntBuffer();
    target.put(values, from, length);
    return new CudaInts(device, advance(length), length);
  }

  @Override
  public Floats put(float[] values, int from, int length) {
    FloatBuffer target = place(length).asFloatBuffer();
    target.put(values, from, length);
    return new CudaFloats(device, advance(length), length);
  }

  /** Room for words of 4 bytes at the end. */
  private ByteBuffer place(int words) {
    long end = used + words * 4L;
    if (end > pinned.bytes()) {
      context.bind();
      CudaMemory larger = CudaMemory.onHost(Math.max(end, 2 * pinned.bytes()));
      new Pointer(larger.hostAddress())
          .getByteBuffer(0, Math.max(1, used))
          .put(new Pointer(pinned.hostAddress()).getByteBuffer(0, Math.max(1, used)));
      pinned.close();
      pinned = larger;
    }
    return new Pointer(pinned.hostAddress() + used)
        .getByteBuffer(0, words * 4L)
        .order(ByteOrder.nativeOrder());
  }

  private long advance(int words) {
    long at = used;
    used = (used + words * 4L + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return at / 4;
  }

  @Override
  public void send() {
    context.bind();
    device.require(used);
    long bytes = Math.min(used, pinned.bytes());
    Driver.check(
        Driver.cuMemcpyAsync(device.address(), pinned.hostAddress(), bytes, stream.handle()),
        "an upload of %d bytes".formatted(bytes));
    copied.record(stream);
  }

  @Override
  public void await() {
    context.bind();
    copied.await(context);
  }

  @Override
  public void close() {
    context.bind();
    stream.synchronize("an upload");
    copied.close();
    stream.close();
    device.close();
    pinned.close();
  }
}
