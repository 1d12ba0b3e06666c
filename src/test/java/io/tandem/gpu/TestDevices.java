package io.tandem.gpu;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * CUDA for tests: a GPU where there is one; elsewhere the same kernels and calls on the processor,
 * by native/cuda/emulator.
 */
public final class TestDevices {
  private static boolean ready;

  private TestDevices() {}

  /** Opens it, or skips the test and says why. */
  public static CudaDevice cuda(Precision precision) {
    return cuda(0, precision);
  }

  /** The same for one of several. */
  public static CudaDevice cuda(int ordinal, Precision precision) {
    ready();
    return CudaDevice.open(ordinal, precision);
  }

  /** One whose loss takes the way of GPUs without products of warpgroups. */
  static CudaDevice withoutWarpgroups(Precision precision) {
    ready();
    return CudaDevice.open(0, precision, false);
  }

  private static synchronized void ready() {
    if (!ready) {
      prepare();
      ready = true;
    }
  }

  /** Skips the test, and says why, where there are no two, or no NCCL to join them. */
  public static void needsTwo() {
    ready();
    int count = CudaDevice.count();
    Assumptions.assumeTrue(count >= 2, () -> skipped("there is %d GPU".formatted(count)));
    String missing = NcclCollective.missing();
    Assumptions.assumeTrue(missing == null, () -> skipped(String.valueOf(missing)));
  }

  /** Whether what runs is a GPU and not the processor. */
  public static boolean isGpu() {
    return System.getProperty(Driver.LIBRARY) == null;
  }

  private static void prepare() {
    if (Files.exists(Path.of("/dev/nvidia0")) && CudaDevice.missing() == null) {
      System.out.println("CUDA tests run on the GPU");
      return;
    }
    Path library = Path.of("target", "cuda-emulator.so").toAbsolutePath();
    try {
      Process process =
          new ProcessBuilder("../native/build-cuda.sh", "--emulator", library.toString())
              .redirectErrorStream(true)
              .start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      Assumptions.assumeTrue(
          status == 0,
          () -> skipped("neither a GPU nor its emulator, which could not be built: " + output));
    } catch (IOException e) {
      Assumptions.abort(skipped("the emulator could not be built: " + e.getMessage()));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    System.setProperty(Driver.LIBRARY, library.toString());
    System.setProperty(Nccl.LIBRARY, library.toString());
    System.out.println("no GPU: CUDA tests run the kernels on the processor");
  }

  private static String skipped(String reason) {
    System.out.println("skipped: " + reason);
    return reason;
  }
}
