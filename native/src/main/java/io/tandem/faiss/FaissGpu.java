package io.tandem.faiss;

import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.global.faiss;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * FAISS on a GPU, where its library was built ({@code native/build-faiss-gpu.sh}) and a GPU can be
 * used. Safe for use by several threads; an index that it gives out is used by one at a time.
 */
public final class FaissGpu {
  /** System property: the library's file, or {@code off}. */
  public static final String LIBRARY = "tandem.faiss.gpu";

  private static final int DEVICE = 0;
  private static final String OFF = "off";

  private static @Nullable String problem;
  private static @Nullable String openedFor;

  private FaissGpu() {}

  /** Why no GPU is used, or null. The first call opens the library, one for the process. */
  public static synchronized @Nullable String problem() {
    String file = System.getProperty(LIBRARY);
    if (file == null) {
      return "FAISS's library for GPUs was not built (native/build-faiss-gpu.sh)";
    }
    if (!file.equals(openedFor)) {
      problem = open(file);
      openedFor = file;
    }
    return problem;
  }

  private static @Nullable String open(String file) {
    if (file.equals(OFF)) {
      return "-D%s=off".formatted(LIBRARY);
    }
    if (!Files.isRegularFile(Path.of(file))) {
      return "-D%s: %s does not exist".formatted(LIBRARY, file);
    }
    try {
      BuildInfo own = Faiss.buildInfo();
      String build = own.version() + " " + own.compiler();
      Faiss.run(() -> faiss.open_gpu(Path.of(file).toAbsolutePath().toString(), build));
      Faiss.call(() -> faiss.gpu_free(DEVICE));
      return null;
    } catch (FaissException e) {
      return "%s: %s".formatted(file, e.getMessage());
    }
  }

  /**
   * An empty index of exact search on the GPU, owned by the caller; null where there is none, or no
   * room.
   *
   * @param rows that it is to hold
   */
  public static @Nullable Index flat(int dimension, long rows, Metric metric) {
    if (problem() != null) {
      return null;
    }
    long bytes = Math.multiplyExact(rows, (long) dimension * Float.BYTES);
    if (bytes > Faiss.call(() -> faiss.gpu_free(DEVICE))) {
      return null;
    }
    return Faiss.call(() -> faiss.gpu_flat(DEVICE, dimension, metric.code()));
  }
}
