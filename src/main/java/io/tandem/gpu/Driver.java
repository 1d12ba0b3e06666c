package io.tandem.gpu;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The calls of NVIDIA's driver library that are used, under their own names. Pointers are longs;
 * results are CUresult.
 */
final class Driver {
  /** Names another driver library, for tests. */
  static final String LIBRARY = "tandem.cuda.library";

  private static boolean loaded;

  private Driver() {}

  /**
   * Binds the library.
   *
   * @throws CudaException if there is none
   */
  static synchronized void load() {
    if (loaded) {
      return;
    }
    String name = System.getProperty(LIBRARY, "libcuda.so.1");
    try {
      Native.register(Driver.class, NativeLibrary.getInstance(name));
      loaded = true;
    } catch (UnsatisfiedLinkError e) {
      throw new CudaException(
          "no NVIDIA driver: %s was not found or is too old (%s)".formatted(name, e.getMessage()),
          e);
    }
  }

  /** Whether a library stands in for NVIDIA's, with kernels compiled into it. */
  static boolean isStandIn() {
    return System.getProperty(LIBRARY) != null;
  }

  /** Throws what a call that failed says. */
  static void check(int result, String call) {
    if (result != 0) {
      throw new CudaException("%s failed: %s".formatted(call, text(result)));
    }
  }

  private static String text(int result) {
    long[] name = new long[1];
    long[] message = new long[1];
    if (cuGetErrorName(result, name) != 0 || cuGetErrorString(result, message) != 0) {
      return "error " + result;
    }
    return "%s, %s".formatted(string(name[0]), string(message[0]));
  }

  private static String string(long address) {
    return address == 0 ? "?" : new com.sun.jna.Pointer(address).getString(0);
  }

  static String name(int device) {
    byte[] bytes = new byte[256];
    check(cuDeviceGetName(bytes, bytes.length, device), "cuDeviceGetName");
    int end = 0;
    while (end < bytes.length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, 0, end, StandardCharsets.UTF_8);
  }

  static int attribute(int attribute, int device) {
    int[] value = new int[1];
    check(cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute");
    return value[0];
  }

  static native int cuInit(int flags);

  static native int cuDriverGetVersion(int[] version);

  static native int cuDeviceGetCount(int[] count);

  static native int cuDeviceGet(int[] device, int ordinal);

  static native int cuDeviceGetName(byte[] name, int length, int device);

  static native int cuDeviceGetAttribute(int[] value, int attribute, int device);

  static native int cuMemGetInfo_v2(long[] free, long[] total);

  static native int cuDevicePrimaryCtxRetain(long[] context, int device);

  static native int cuDevicePrimaryCtxRelease_v2(int device);

  static native int cuCtxSetCurrent(long context);

  static native int cuModuleLoadData(long[] module, ByteBuffer image);

  static native int cuModuleUnload(long module);

  static native int cuModuleGetFunction(long[] function, long module, String name);

  static native int cuFuncSetAttribute(long function, int attribute, int value);

  static native int cuMemAlloc_v2(long[] address, long bytes);

  static native int cuMemFree_v2(long address);

  static native int cuMemHostAlloc(long[] address, long bytes, int flags);

  static native int cuMemHostGetDevicePointer_v2(long[] device, long host, int flags);

  static native int cuMemFreeHost(long address);

  /** Between any two of host, mapped and device memory. */
  static native int cuMemcpyAsync(long to, long from, long bytes, long stream);

  static native int cuMemsetD32Async(long to, int value, long count, long stream);

  static native int cuStreamCreate(long[] stream, int flags);

  static native int cuStreamDestroy_v2(long stream);

  static native int cuStreamSynchronize(long stream);

  static native int cuStreamWaitEvent(long stream, long event, int flags);

  static native int cuEventCreate(long[] event, int flags);

  static native int cuEventRecord(long event, long stream);

  static native int cuEventSynchronize(long event);

  static native int cuEventDestroy_v2(long event);

  static native int cuLaunchKernel(
      long function,
      int gridX,
      int gridY,
      int gridZ,
      int blockX,
      int blockY,
      int blockZ,
      int sharedBytes,
      long stream,
      long parameters,
      long extra);

  static native int cuGetErrorName(int error, long[] name);

  static native int cuGetErrorString(int error, long[] text);
}
