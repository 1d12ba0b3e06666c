package io.tandem.faiss;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Whether this machine has the instructions that the library was compiled for. Without them a
 * search would end the process with SIGILL.
 */
final class Cpu {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

  private Cpu() {}

  /** The instruction set extensions of the first core, as Linux names them. */
  static Set<String> flags() {
    try (Stream<String> lines = Files.lines(CPU_INFO)) {
      return lines
          .filter(line -> line.startsWith("flags"))
          .findFirst()
          .map(line -> Set.of(line.substring(line.indexOf(':') + 1).strip().split("\\s+", -1)))
          .orElseThrow(() -> new FaissException(CPU_INFO + " names no instruction sets"));
    } catch (IOException e) {
      throw new FaissException("cannot read the processor's instruction sets", e);
    }
  }

  /**
   * @param optLevel what the library was compiled for
   * @param found the machine's extensions
   * @throws FaissException if the library needs what the machine lacks
   */
  static void require(String optLevel, Set<String> found) {
    Set<String> missing = new TreeSet<>(needed(optLevel));
    missing.removeAll(found);
    if (!missing.isEmpty()) {
      throw new FaissException(
          String.format(
              "FAISS was built for %s: expected a processor with %s, found one without %s;"
                  + " build it with FAISS_OPT_LEVEL=generic to run here",
              optLevel,
              String.join(", ", new TreeSet<>(needed(optLevel))),
              String.join(", ", missing)));
    }
  }

  private static Set<String> needed(String optLevel) {
    return switch (optLevel) {
      case "avx2" -> Set.of("avx2", "f16c", "fma", "popcnt");
      case "generic" -> Set.of();
      default ->
          throw new FaissException(
              "expected a library built for avx2 or generic, found " + optLevel);
    };
  }
}
