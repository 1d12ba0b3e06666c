package io.tandem.backend;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * ND4J's back end on the class path, found by its resources: nothing of it is loaded.
 *
 * @param kind what it computes on
 * @param name its artifact and version
 */
public record Backend(Kind kind, String name) {
  /** The library with the CUDA back end's GPU code. */
  private static final String LIBRARY = "org/nd4j/nativeblas/linux-x86_64/libnd4jcuda.so";

  private static final String CUDA_FOLDER = "org/bytedeco/cuda/linux-x86_64/";

  /** What the back end's libraries link to; CUDA 11.8's carry code for GPUs up to sm_90. */
  private static final List<String> CUDA_LIBRARIES =
      List.of(
          "libcudart.so.11.0",
          "libcublas.so.11",
          "libcublasLt.so.11",
          "libcusolver.so.11",
          "libcusparse.so.11");

  /** Machine code for sm_86, the newest in the back end, runs on GPUs of its generation. */
  private static final int NEWEST_ARCH = 89;

  private static final int OLDEST_ARCH = 35;

  /** What a back end computes on. */
  public enum Kind {
    CPU,
    CUDA
  }

  /**
   * GPU code assembled ahead of time, see {@code scripts/retarget-cuda.sh}.
   *
   * @param arch such as sm_90
   * @param ptxas version of the assembler
   */
  public record Retargeted(String arch, String ptxas) {}

  /** The back end that ND4J would take: CUDA's where there are both. */
  public static Optional<Backend> find() {
    return named(
            "nd4j-jcublas.properties", Kind.CUDA, "org/nd4j/linalg/jcublas/JCublasBackend.class")
        .or(
            () ->
                named(
                    "nd4j-native.properties",
                    Kind.CPU,
                    "org/nd4j/linalg/cpu/nativecpu/CpuBackend.class"));
  }

  private static Optional<Backend> named(String resource, Kind kind, String type) {
    ClassLoader loader = Backend.class.getClassLoader();
    if (loader.getResource(resource) == null || loader.getResource(type) == null) {
      return Optional.empty();
    }
    String place = String.valueOf(loader.getResource(type));
    String jar = place.replaceFirst("!.*", "");
    return Optional.of(
        new Backend(kind, jar.substring(jar.lastIndexOf('/') + 1).replace(".jar", "")));
  }

  /** Code for one architecture in place of what the back end comes with, where that is used. */
  public static Optional<Retargeted> retargeted() {
    var library = Backend.class.getClassLoader().getResource(LIBRARY);
    if (library == null || !library.getProtocol().equals("file")) {
      return Optional.empty();
    }
    try (InputStream in =
        Backend.class.getClassLoader().getResourceAsStream("retargeted.properties")) {
      if (in == null) {
        return Optional.empty();
      }
      Properties properties = new Properties();
      properties.load(in);
      return Optional.of(
          new Retargeted(
              properties.getProperty("arch", "?"), properties.getProperty("ptxas", "?")));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read retargeted.properties", e);
    }
  }

  /** How the CUDA back end's code fits a GPU. */
  public enum Fit {
    /** There is machine code for it. */
    FITS,
    /** The driver translates PTX for it, which takes long. */
    TRANSLATED,
    /** Nothing in it can run there. */
    NONE
  }

  /**
   * Whether GPU code fits a GPU.
   *
   * @param code what was assembled ahead of time, or null for the back end's own
   * @param arch of the GPU, 90 for sm_90
   */
  public static Fit fit(@Nullable Retargeted code, int arch) {
    if (code != null) {
      return runs(Integer.parseInt(code.arch().replaceAll("\\D", "")), arch) ? Fit.FITS : Fit.NONE;
    }
    if (arch < OLDEST_ARCH) {
      return Fit.NONE;
    }
    return arch <= NEWEST_ARCH ? Fit.FITS : Fit.TRANSLATED;
  }

  /** Machine code runs on GPUs of its major version that are not older. */
  private static boolean runs(int code, int gpu) {
    return code / 10 == gpu / 10 && code <= gpu;
  }

  /** CUDA's libraries that the CUDA back end needs and that are found nowhere. */
  public static List<String> missingLibraries() {
    List<String> missing = new ArrayList<>();
    List<Path> folders = libraryFolders();
    for (String library : CUDA_LIBRARIES) {
      boolean found =
          Backend.class.getClassLoader().getResource(CUDA_FOLDER + library) != null
              || folders.stream().anyMatch(folder -> Files.exists(folder.resolve(library)));
      if (!found) {
        missing.add(library);
      }
    }
    return missing;
  }

  private static List<Path> libraryFolders() {
    List<Path> folders = new ArrayList<>();
    String named = System.getenv("LD_LIBRARY_PATH");
    if (named != null) {
      Stream.of(named.split(":", -1))
          .filter(name -> !name.isEmpty())
          .map(Path::of)
          .forEach(folders::add);
    }
    String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    String machine = arch.equals("amd64") ? "x86_64" : arch;
    folders.add(Path.of("/usr/lib/%s-linux-gnu".formatted(machine)));
    folders.add(Path.of("/usr/lib64"));
    // What the back end's library itself names.
    folders.add(Path.of("/usr/local/cuda-11.2/lib64"));
    return folders;
  }
}
