package io.tandem.retarget;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** NVIDIA's assembler, ptxas, run as a program: PTX in, machine code of one architecture out. */
final class Assembler {
  /** Optimization levels, in the order in which they are tried. */
  static final List<Integer> LEVELS = List.of(3, 2, 1, 0);

  private static final Pattern VERSION = Pattern.compile("V(\\d+\\.\\d+\\.\\d+)");
  private static final String PROBE = ".version 7.2\n.target sm_86\n.address_size 64\n";

  /** Exit status of a program that signal 9 ended. */
  private static final int KILLED = 128 + 9;

  private static final int SIGNALS = 128;

  private final Path program;
  private final String version;

  private Assembler(Path program, String version) {
    this.program = program;
    this.version = version;
  }

  /**
   * What came of assembling a module.
   *
   * @param level the optimization level that worked
   * @param failures why the levels above it did not
   */
  record Outcome(int level, List<String> failures) {}

  private record Run(int status, String output) {}

  /**
   * The assembler to use.
   *
   * @param named where the user says that it is, or null to look on PATH and in CUDA's usual
   *     folders
   * @throws RetargetException if there is none, with what to do about that
   */
  static Assembler find(@Nullable Path named) throws IOException, InterruptedException {
    List<Path> places = named == null ? usualPlaces() : List.of(named);
    Optional<Path> program = places.stream().filter(Files::isExecutable).findFirst();
    if (program.isEmpty()) {
      throw new RetargetException(
          named == null
              ? MISSING
              : "expected the program ptxas at %s, found no such program".formatted(named));
    }
    Run run = run(List.of(program.get().toString(), "--version"));
    Matcher matcher = VERSION.matcher(run.output());
    if (run.status() != 0 || !matcher.find()) {
      throw new RetargetException(
          "expected %s to be ptxas; asked for its version it said: %s"
              .formatted(program.get(), run.output().strip()));
    }
    return new Assembler(program.get(), matcher.group(1));
  }

  private static final String MISSING =
      """
      ptxas is needed and was found neither on PATH nor in /usr/local/cuda*/bin. It comes with
        - a CUDA toolkit: 11.8 or newer for sm_90, 12.8 or newer for sm_100 and sm_120; or
        - the Python package nvidia-cuda-nvcc, 37 MB without the rest of CUDA; then name it with
          --ptxas SITE-PACKAGES/nvidia/cu13/bin/ptxas
      Without it the GPU's driver translates the same code when it is first used, which takes up to half
      an hour of one core, and keeps it in its own cache (scripts/tandem makes that cache large enough).""";

  private static List<Path> usualPlaces() throws IOException {
    List<Path> places = new ArrayList<>();
    String path = System.getenv("PATH");
    if (path != null) {
      for (String folder : path.split(":", -1)) {
        places.add(Path.of(folder.isEmpty() ? "." : folder, "ptxas"));
      }
    }
    Path local = Path.of("/usr/local");
    if (Files.isDirectory(local)) {
      try (Stream<Path> folders = Files.list(local)) {
        folders
            .filter(folder -> folder.getFileName().toString().startsWith("cuda"))
            .sorted(Comparator.reverseOrder())
            .forEach(folder -> places.add(folder.resolve("bin/ptxas")));
      }
    }
    return places;
  }

  /** Such as 13.0.88. */
  String version() {
    return version;
  }

  /** Such as 13. */
  int majorVersion() {
    return Integer.parseInt(version.substring(0, version.indexOf('.')));
  }

  /**
   * Tries whether this assembler knows an architecture.
   *
   * @throws RetargetException if it does not
   */
  void require(int arch, Path scratch) throws IOException, InterruptedException {
    Path source = scratch.resolve("probe.ptx");
    Files.writeString(source, PROBE);
    Run run = assemble(source, scratch.resolve("probe.cubin"), arch, LEVELS.get(0));
    if (run.status() != 0) {
      throw new RetargetException(
          "ptxas %s (%s) cannot assemble for sm_%d: %s. sm_90 needs CUDA 11.8 or newer, sm_100 and sm_120"
                  .formatted(version, program, arch, run.output().strip())
              + " need 12.8 or newer");
    }
  }

  /**
   * Assembles a module. Where the assembler fails at a level of optimization, and crashing is how
   * it fails, the next lower level is tried.
   *
   * @param cubin is written whole or not at all
   * @throws RetargetException if it fails at every level
   */
  Outcome assemble(byte[] ptx, int arch, Path cubin) throws IOException, InterruptedException {
    Path source = cubin.resolveSibling(cubin.getFileName() + ".ptx");
    Path part = cubin.resolveSibling(cubin.getFileName() + ".part");
    List<String> failures = new ArrayList<>();
    try {
      Files.write(source, ptx);
      for (int level : LEVELS) {
        Run run = assemble(source, part, arch, level);
        if (run.status() == 0) {
          Files.move(part, cubin, StandardCopyOption.ATOMIC_MOVE);
          return new Outcome(level, failures);
        }
        if (run.status() == KILLED) {
          throw new RetargetException(
              "ptxas was killed, most likely for want of memory; run again with a lower --jobs: what is"
                  + " assembled is kept");
        }
        failures.add("-O%d: %s".formatted(level, describe(run)));
      }
    } finally {
      Files.deleteIfExists(source);
      Files.deleteIfExists(part);
    }
    throw new RetargetException(
        "ptxas %s fails: %s".formatted(version, String.join("; ", failures)));
  }

  private static String describe(Run run) {
    if (run.status() > SIGNALS) {
      return "crashed (signal %d)".formatted(run.status() - SIGNALS);
    }
    return "status %d %s".formatted(run.status(), run.output().strip());
  }

  private Run assemble(Path ptx, Path cubin, int arch, int level)
      throws IOException, InterruptedException {
    return run(
        List.of(
            program.toString(),
            "-arch=sm_" + arch,
            "-O" + level,
            "-o",
            cubin.toString(),
            ptx.toString()));
  }

  private static Run run(List<String> command) throws IOException, InterruptedException {
    // A file, not a pipe: waiting for a pipe's end cannot be interrupted.
    Path log = Files.createTempFile("ptxas", ".log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      int status = process.waitFor();
      return new Run(status, Files.readString(log, StandardCharsets.UTF_8));
    } finally {
      process.destroyForcibly();
      Files.deleteIfExists(log);
    }
  }
}
