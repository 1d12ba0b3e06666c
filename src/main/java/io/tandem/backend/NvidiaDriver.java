package io.tandem.backend;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Loader;

/**
 * NVIDIA's driver and the GPUs that it serves, found without loading anything of CUDA but the
 * driver's own library: by its entry in {@code /proc} and by {@code nvidia-smi}, which comes with
 * it.
 *
 * @param library whether libcuda.so.1 can be loaded
 * @param version such as 580.65.06, or empty
 * @param cuda the newest CUDA that it supports, such as 13.0, or empty
 * @param gpus in the driver's order
 */
public record NvidiaDriver(
    boolean library, Optional<String> version, Optional<String> cuda, List<Gpu> gpus) {
  private static final Path KERNEL_MODULE = Path.of("/proc/driver/nvidia/version");
  private static final Pattern MODULE_VERSION = Pattern.compile("Module.*?\\s(\\d+\\.[\\d.]+)\\s");
  private static final Pattern CUDA = Pattern.compile("CUDA Version:\\s*([\\d.]+)");
  private static final Pattern GPU =
      Pattern.compile("^(.+), (\\d+)\\.(\\d+), (\\d+), (\\d+), ([\\d.]+)$", Pattern.MULTILINE);
  private static final int SECONDS = 30;

  /**
   * One GPU.
   *
   * @param arch compute capability, 90 for 9.0
   * @param memory of the device, in MiB
   * @param free of it, in MiB
   */
  public record Gpu(String name, int arch, long memory, long free) {}

  /** Looks for it; finds nothing where there is nothing, whatever the reason. */
  public static NvidiaDriver find() {
    String query =
        run(
            "nvidia-smi",
            "--query-gpu=name,compute_cap,memory.total,memory.free,driver_version",
            "--format=csv,noheader,nounits");
    Matcher cuda = CUDA.matcher(query.isEmpty() ? "" : run("nvidia-smi"));
    return parse(
        canLoad("libcuda.so.1"),
        moduleVersion(),
        query,
        cuda.find() ? Optional.of(cuda.group(1)) : Optional.empty());
  }

  static NvidiaDriver parse(
      boolean library, Optional<String> moduleVersion, String query, Optional<String> cuda) {
    List<Gpu> gpus = new ArrayList<>();
    Optional<String> version = moduleVersion;
    for (Matcher matcher = GPU.matcher(query); matcher.find(); ) {
      gpus.add(
          new Gpu(
              matcher.group(1),
              Integer.parseInt(matcher.group(2) + matcher.group(3)),
              Long.parseLong(matcher.group(4)),
              Long.parseLong(matcher.group(5))));
      version = Optional.of(matcher.group(6));
    }
    return new NvidiaDriver(library, version, cuda, List.copyOf(gpus));
  }

  private static boolean canLoad(String library) {
    try {
      Loader.load();
      Loader.loadGlobal(library);
      return true;
    } catch (LinkageError e) {
      return false;
    }
  }

  private static Optional<String> moduleVersion() {
    try {
      Matcher matcher = MODULE_VERSION.matcher(Files.readString(KERNEL_MODULE));
      return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
    } catch (IOException noSuchFile) {
      return Optional.empty();
    }
  }

  /** A program's output; nothing where it is missing, fails or hangs. */
  private static String run(String... command) {
    try {
      Path output = Files.createTempFile("tandem", ".txt");
      try {
        Process process = new ProcessBuilder(command).redirectOutput(output.toFile()).start();
        if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
          process.destroyForcibly();
          return "";
        }
        return process.exitValue() == 0 ? Files.readString(output, StandardCharsets.UTF_8) : "";
      } finally {
        Files.deleteIfExists(output);
      }
    } catch (IOException noSuchProgram) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
  }
}
