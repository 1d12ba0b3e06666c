package io.tandem.gpu;

import com.sun.jna.Pointer;
import io.tandem.gpu.CudaContext.Grid;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Rows by a kernel that reads or writes pinned memory of the host across the bus, on a stream of
 * its own: one launch for any number of rows.
 */
final class CudaRowCopies implements RowCopies {
  private static final int THREADS = 256;
  private static final int STAGING_BYTES = 16 << 20;

  private final CudaContext context;
  private final CudaStream stream;
  private final CudaEvent copied;
  private final CudaMemory rows = CudaMemory.onHost(STAGING_BYTES);
  private final CudaMemory values = CudaMemory.onHost(STAGING_BYTES);

  CudaRowCopies(CudaContext context) {
    this.context = context;
    stream = new CudaStream(context);
    copied = new CudaEvent();
  }

  @Override
  public void read(Floats matrix, int width, int[] from, int count, float[] target) {
    context.bind();
    int most = most(width);
    for (int done = 0; done < count; done += most) {
      int part = Math.min(most, count - done);
      put(from, done, part);
      launch(CudaFloats.addressOf(matrix), rows.address(), values.address(), 0, part, width);
      stream.synchronize("a copy of rows from the device");
      bytes(values).asFloatBuffer().get(target, done * width, part * width);
    }
  }

  @Override
  public void write(float[] source, int count, Floats matrix, int width, int[] to) {
    context.bind();
    int most = most(width);
    for (int done = 0; done < count; done += most) {
      int part = Math.min(most, count - done);
      put(to, done, part);
      bytes(values).asFloatBuffer().put(source, done * width, part * width);
      launch(values.address(), 0, CudaFloats.addressOf(matrix), rows.address(), part, width);
    }
    copied.record(stream);
  }

  private static int most(int width) {
    return Math.max(1, STAGING_BYTES / Float.BYTES / width);
  }

  private void put(int[] numbers, int from, int count) {
    stream.synchronize("a copy of rows");
    bytes(rows).asIntBuffer().put(numbers, from, count);
  }

  private void launch(long from, long fromRows, long to, long toRows, int count, int width) {
    stream.launch(
        "move_rows",
        Grid.over((long) count * width, THREADS),
        from,
        fromRows,
        to,
        toRows,
        count,
        width);
  }

  private static ByteBuffer bytes(CudaMemory memory) {
    return new Pointer(memory.hostAddress())
        .getByteBuffer(0, STAGING_BYTES)
        .order(ByteOrder.nativeOrder());
  }

  @Override
  public void await() {
    context.bind();
    copied.await(context);
  }

  @Override
  public void close() {
    context.bind();
    stream.synchronize("a copy of rows");
    copied.close();
    stream.close();
    rows.close();
    values.close();
  }
}
