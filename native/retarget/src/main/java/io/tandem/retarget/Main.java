package io.tandem.retarget;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command line of the retargeting tool. */
@Command(
    name = "retarget-cuda.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Assembles the PTX of ND4J's CUDA back end for one architecture of GPU and keeps the result,"
            + " which scripts/tandem then uses. GPUs of architecture sm_90 and newer need it to start"
            + " within seconds; older ones have machine code in the back end as it is.",
    footer = {
      "",
      "It takes about half an hour of one core for each architecture, once. Broken off, it goes on",
      "where it was. What is kept is named by the jar's hash, the architecture and ptxas's version.",
      "",
      "  scripts/retarget-cuda.sh                     for the GPU at hand",
      "  scripts/retarget-cuda.sh --arch sm_90        for H100 and H200, on a machine without one",
      "  scripts/retarget-cuda.sh --arch sm_90 --verify",
      "",
      "Exit status: 0 done, 1 it failed or the result is not right, 2 the call is wrong or something",
      "that it needs is missing."
    })
final class Main implements Callable<Integer> {
  private static final Pattern ARCH = Pattern.compile("sm_(\\d{2,3})");

  /** Code for sm_86 runs on every later GPU of its generation. */
  private static final int LAST_OF_ORIGINAL = 89;

  private static final double MIB = 1 << 20;

  @Option(
      names = "--jar",
      required = true,
      paramLabel = "FILE",
      description = "The back end's jar with its native library (the script names it).")
  Path jar = Path.of("");

  @Option(
      names = "--arch",
      paramLabel = "sm_NN",
      description = "Architecture to assemble for; by default that of the first GPU.")
  @Nullable String arch;

  @Option(
      names = "--ptxas",
      paramLabel = "FILE",
      description =
          "NVIDIA's assembler; by default from PATH or /usr/local/cuda*/bin. TANDEM_PTXAS names it"
              + " too.",
      defaultValue = "${env:TANDEM_PTXAS}")
  @Nullable Path ptxas;

  @Option(
      names = "--jobs",
      paramLabel = "N",
      description = "Modules to assemble at once; by default as many as there are cores.")
  int jobs = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--cache",
      paramLabel = "FOLDER",
      description = "Where results are kept; by default TANDEM_CACHE or ~/.cache/tandem.",
      defaultValue = "${env:TANDEM_CACHE:-${sys:user.home}/.cache/tandem}")
  Path cache = Path.of("");

  @Option(names = "--list", description = "Only list the code that the jar's library holds.")
  boolean list;

  @Option(names = "--verify", description = "Only compare what is kept with its original.")
  boolean verify;

  @Option(names = "--force", description = "Also where the back end has fitting machine code.")
  boolean force;

  private final PrintStream out = System.out;

  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    CommandLine commandLine = new CommandLine(new Main());
    commandLine.setExecutionExceptionHandler(
        (exception, command, parsed) -> {
          command.getErr().println("retarget-cuda: " + message(exception));
          command.getErr().flush();
          return exception instanceof RetargetException ? 2 : 1;
        });
    return commandLine;
  }

  private static String message(Throwable failure) {
    return failure instanceof RetargetException && failure.getMessage() != null
        ? failure.getMessage()
        : failure.toString();
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (!Files.isRegularFile(jar)) {
      throw new RetargetException("expected the back end's jar at %s, found none".formatted(jar));
    }
    if (jobs < 1) {
      throw new RetargetException("--jobs: expected at least 1, found " + jobs);
    }
    if (list) {
      return list();
    }
    int target = target();
    ResultFolder results = new ResultFolder(cache, jar, target);
    if (verify) {
      return verify(results, target);
    }
    if (target <= LAST_OF_ORIGINAL && !force) {
      out.printf("Nothing to do: the back end holds machine code that sm_%d runs.%n", target);
      return 0;
    }
    return retarget(results, target);
  }

  private int target() throws InterruptedException {
    if (arch == null) {
      return LocalGpu.arch()
          .orElseThrow(
              () ->
                  new RetargetException(
                      "no GPU is at hand (nvidia-smi finds none); name its architecture, such as"
                          + " --arch sm_90 for H100 and H200, sm_100 for B200, sm_120 for RTX 50"));
    }
    var matcher = ARCH.matcher(arch);
    if (!matcher.matches()) {
      throw new RetargetException("--arch: expected one such as sm_90, found " + arch);
    }
    return Integer.parseInt(matcher.group(1));
  }

  private int retarget(ResultFolder results, int target) throws IOException, InterruptedException {
    Assembler assembler = Assembler.find(ptxas);
    String hash = results.jarHash();
    Path folder = results.folder(hash, assembler.version());
    Path work = folder.resolveSibling(folder.getFileName() + ".work");
    Files.createDirectories(work);
    try (FileChannel lock =
        FileChannel.open(
            folder.resolveSibling(folder.getFileName() + ".lock"),
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE)) {
      lock.lock();
      if (ResultFolder.isComplete(folder)) {
        results.link(folder);
        out.printf("Kept from before: %s%n", folder);
        return 0;
      }
      assembler.require(target, work);
      warnOfOldDriver(assembler);
      return make(results, folder, work, hash, assembler, target);
    } finally {
      if (ResultFolder.isComplete(folder)) {
        ResultFolder.delete(work);
      }
    }
  }

  private int make(
      ResultFolder results, Path folder, Path work, String hash, Assembler assembler, int target)
      throws IOException, InterruptedException {
    out.printf("Taking the library out of %s%n", jar.getFileName());
    Path original = results.extract(work.resolve("original.so"));
    Path staged = work.resolve("result");
    Path library = ResultFolder.library(staged);
    List<Module> modules;
    try (CudaLibrary source = CudaLibrary.open(original)) {
      long total = 0;
      for (FatBinary fatBinary : source.fatBinaries()) {
        total += fatBinary.ptx().map(FatBinary.Entry::plainSize).orElse(0L);
      }
      out.printf(
          Locale.ROOT,
          "Assembling %d modules, %.0f MiB of PTX, for sm_%d with ptxas %s, %d at once%n",
          source.fatBinaries().size(),
          total / MIB,
          target,
          assembler.version(),
          jobs);
      Retargeting retargeting = new Retargeting(source, target, work.resolve("modules"));
      try (Progress progress = new Progress(out, total, Boolean.getBoolean("tandem.terminal"))) {
        modules = retargeting.assemble(assembler, jobs, progress);
      }
      ResultFolder.delete(staged);
      Files.createDirectories(library.getParent());
      out.println("Writing the library");
      retargeting.write(modules, library);
    }
    Verification.Report report = Verification.verify(original, library, target, modules);
    if (!report(report, library, target)) {
      return 1;
    }
    results.publish(staged, folder, hash, assembler, modules);
    out.printf("Kept in %s%n", folder);
    return 0;
  }

  private int verify(ResultFolder results, int target) throws IOException, InterruptedException {
    Path folder =
        results
            .newest()
            .orElseThrow(
                () ->
                    new RetargetException(
                        "nothing is kept for sm_%d of this jar in %s".formatted(target, cache)));
    Path scratch = Files.createTempDirectory(cache, ".verify-");
    try {
      Path original = results.extract(scratch.resolve("original.so"));
      Path library = ResultFolder.library(folder);
      Verification.Report report =
          Verification.verify(original, library, target, ResultFolder.modules(folder));
      return report(report, library, target) ? 0 : 1;
    } finally {
      ResultFolder.delete(scratch);
    }
  }

  /** Says what was verified, and whether it is right. */
  private boolean report(Verification.Report report, Path library, int target) throws IOException {
    if (!report.problems().isEmpty()) {
      out.println("The result is not right:");
      report.problems().forEach(problem -> out.println("  " + problem));
      return false;
    }
    out.printf(
        Locale.ROOT,
        "Verified: %d modules as the assembler wrote them, %,d of %,d kernels there, the rest byte for"
            + " byte the original, no other GPU code.%n%.0f MiB of machine code for sm_%d, %.0f MiB"
            + " packed; the library has %.0f MiB and takes %.0f MiB on the disk.%n",
        report.modules(),
        report.kernels(),
        report.kernels(),
        report.codeSize() / MIB,
        target,
        report.storedSize() / MIB,
        Files.size(library) / MIB,
        ResultFolder.sizeOnDisk(library) / MIB);
    return true;
  }

  private void warnOfOldDriver(Assembler assembler) throws InterruptedException {
    int major = assembler.majorVersion();
    LocalGpu.cudaMajor()
        .ifPresent(
            driver -> {
              if (driver < major) {
                out.printf(
                    "Warning: the driver here is of CUDA %d, ptxas is of CUDA %d; a driver may refuse code"
                        + " of a newer assembler. Update it, or name an older ptxas.%n",
                    driver, major);
              }
            });
  }

  private int list() throws IOException {
    Path scratch = Files.createTempDirectory("retarget");
    try {
      Path library = new ResultFolder(scratch, jar, 0).extract(scratch.resolve("original.so"));
      try (CudaLibrary source = CudaLibrary.open(library)) {
        Map<String, long[]> sums = new TreeMap<>();
        for (FatBinary fatBinary : source.fatBinaries()) {
          for (FatBinary.Entry entry : fatBinary.entries()) {
            long[] sum =
                sums.computeIfAbsent(
                    "%-5s sm_%-3d".formatted(entry.kind(), entry.arch()), key -> new long[3]);
            sum[0]++;
            sum[1] += entry.storedSize();
            sum[2] += entry.plainSize();
          }
        }
        out.printf("%d fat binaries%n", source.fatBinaries().size());
        sums.forEach(
            (name, sum) ->
                out.printf(
                    Locale.ROOT,
                    "%s %4d modules, %4.0f MiB, packed %4.0f MiB%n",
                    name,
                    sum[0],
                    sum[2] / MIB,
                    sum[1] / MIB));
      }
    } finally {
      ResultFolder.delete(scratch);
    }
    return 0;
  }
}
