package io.tandem.gpu;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/**
 * The calls of NVIDIA's NCCL that are used, under their own names (nccl.h). Pointers and size_t are
 * longs; results are ncclResult_t.
 */
final class Nccl {
  /** Names the library where the system does not find it. */
  static final String LIBRARY = "tandem.nccl.library";

  static final int FLOAT32 = 7;
  static final int SUM = 0;

  private static boolean loaded;

  private Nccl() {}

  /**
   * Binds the library.
   *
   * @throws CudaException if there is none
   */
  static synchronized void load() {
    if (loaded) {
      return;
    }
    String name = System.getProperty(LIBRARY, "libnccl.so.2");
    try {
      Native.register(Nccl.class, NativeLibrary.getInstance(name));
      loaded = true;
    } catch (UnsatisfiedLinkError e) {
      throw new CudaException(
          "several GPUs need NVIDIA's NCCL, and %s was not found; install libnccl2, or the Python package nvidia-nccl-cu13,"
                  .formatted(name)
              + " and name the file in -D"
              + LIBRARY,
          e);
    }
  }

  static void check(int result, String call) {
    if (result != 0) {
      throw new CudaException("%s failed: %s".formatted(call, text(result)));
    }
  }

  private static String text(int result) {
    long address = ncclGetErrorString(result);
    return address == 0 ? "error " + result : new Pointer(address).getString(0);
  }

  static native int ncclGetVersion(int[] version);

  static native long ncclGetErrorString(int result);

  static native int ncclCommInitAll(long[] communicators, int devices, int[] numbers);

  static native int ncclCommDestroy(long communicator);

  static native int ncclCommAbort(long communicator);

  static native int ncclAllGather(
      long from, long to, long partLength, int type, long communicator, long stream);

  static native int ncclReduceScatter(
      long from, long to, long partLength, int type, int operation, long communicator, long stream);

  static native int ncclAllReduce(
      long from, long to, long length, int type, int operation, long communicator, long stream);
}
