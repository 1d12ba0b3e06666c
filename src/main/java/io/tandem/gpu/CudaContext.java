package io.tandem.gpu;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A GPU's primary context, the one that ND4J's CUDA back end uses too, with Tandem's kernels loaded
 * into it and a stream that they run on.
 */
final class CudaContext implements AutoCloseable {
  static final String RESOURCE = "tandem.fatbin";
  private static final int MAJOR = 75;
  private static final int MINOR = 76;
  private static final int MULTIPROCESSORS = 16;
  private static final int SHARED_BYTES = 97;
  private static final int DYNAMIC_SHARED_BYTES = 8;

  private final int device;
  private final long context;
  private final long module;
  private final CudaStream stream;
  private final String name;
  private final int capability;
  private final int multiprocessors;
  private final int sharedBytes;
  private final Map<String, Long> functions = new ConcurrentHashMap<>();

  private CudaContext(int device, ByteBuffer kernels) {
    this.device = device;
    name = Driver.name(device);
    capability = Driver.attribute(MAJOR, device) * 10 + Driver.attribute(MINOR, device);
    multiprocessors = Driver.attribute(MULTIPROCESSORS, device);
    sharedBytes = Driver.attribute(SHARED_BYTES, device);
    long[] pointer = new long[1];
    Driver.check(
        Driver.cuDevicePrimaryCtxRetain(pointer, device), "cuDevicePrimaryCtxRetain of " + name);
    context = pointer[0];
    bind();
    Driver.check(
        Driver.cuModuleLoadData(pointer, kernels),
        "loading the kernels for %s of compute capability %d.%d"
            .formatted(name, capability / 10, capability % 10));
    module = pointer[0];
    stream = new CudaStream(this);
  }

  /**
   * Opens a GPU.
   *
   * @throws CudaException if there is no driver, no such GPU, or no kernels in this build
   */
  static CudaContext open(int ordinal) {
    int count = count();
    if (ordinal < 0 || ordinal >= count) {
      throw new CudaException(
          "there is no GPU %d: the driver sees %d (CUDA_VISIBLE_DEVICES hides some)"
              .formatted(ordinal, count));
    }
    int[] device = new int[1];
    Driver.check(Driver.cuDeviceGet(device, ordinal), "cuDeviceGet");
    return new CudaContext(device[0], kernels());
  }

  /** GPUs that the driver sees. */
  static int count() {
    Driver.load();
    Driver.check(Driver.cuInit(0), "starting CUDA (cuInit)");
    int[] count = new int[1];
    Driver.check(Driver.cuDeviceGetCount(count), "cuDeviceGetCount");
    return count[0];
  }

  private static ByteBuffer kernels() {
    if (Driver.isStandIn()) {
      // It has its own.
      return ByteBuffer.allocateDirect(1);
    }
    try (InputStream in = CudaContext.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new CudaException(
            "this build of Tandem has no CUDA kernels: install nvcc (CUDA's toolkit) and build"
                + " again; native/build-cuda.sh says what it looks for");
      }
      byte[] bytes = in.readAllBytes();
      return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the CUDA kernels", e);
    }
  }

  String name() {
    return name;
  }

  /** Ten times the major compute capability, and the minor. */
  int capability() {
    return capability;
  }

  int multiprocessors() {
    return multiprocessors;
  }

  /** The device, as the driver and the CUDA runtime count. */
  int device() {
    return device;
  }

  /** The stream that everything of a step runs on. */
  long stream() {
    return stream.handle();
  }

  /** Makes this the calling thread's context. */
  void bind() {
    Driver.check(Driver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
  }

  /** A kernel, allowed as much dynamic shared memory as it asks for. */
  long function(String kernel, int dynamicBytes) {
    Long found = functions.get(kernel);
    if (found != null) {
      return found;
    }
    if (dynamicBytes > sharedBytes) {
      throw new CudaException(
          "%s needs %d bytes of shared memory, %s has %d; take a smaller dim or another precision"
              .formatted(kernel, dynamicBytes, name, sharedBytes));
    }
    long[] pointer = new long[1];
    Driver.check(
        Driver.cuModuleGetFunction(pointer, module, kernel), "finding the kernel " + kernel);
    if (dynamicBytes > 0) {
      Driver.check(
          Driver.cuFuncSetAttribute(pointer[0], DYNAMIC_SHARED_BYTES, dynamicBytes),
          "cuFuncSetAttribute of " + kernel);
    }
    functions.put(kernel, pointer[0]);
    return pointer[0];
  }

  /** Whether this GPU has a kernel. */
  boolean has(String kernel) {
    return functions.containsKey(kernel)
        || Driver.cuModuleGetFunction(new long[1], module, kernel) == 0;
  }

  /** How many blocks of how many threads, and the dynamic shared memory of each. */
  record Grid(int x, int y, int z, int threads, int sharedBytes) {
    /** One thread for each of so many things. */
    static Grid over(long things, int threads) {
      return new Grid(blocks(things, threads), 1, 1, threads, 0);
    }

    static int blocks(long things, int perBlock) {
      return Math.toIntExact((things + perBlock - 1) / perBlock);
    }
  }

  /** Launches a kernel on the stream of a step. */
  void launch(String kernel, Grid grid, Object... parameters) {
    stream.launch(kernel, grid, parameters);
  }

  void synchronize() {
    stream.synchronize("the kernels of a step");
  }

  @Override
  public void close() {
    bind();
    stream.close();
    Driver.check(Driver.cuModuleUnload(module), "cuModuleUnload");
    Driver.check(Driver.cuDevicePrimaryCtxRelease_v2(device), "cuDevicePrimaryCtxRelease");
  }
}
