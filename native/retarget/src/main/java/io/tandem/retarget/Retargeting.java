package io.tandem.retarget;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Gives a library machine code for another architecture: each fat binary's PTX is assembled, and a
 * copy of the library written in which that is all its fat binaries hold. What is assembled stays
 * in a folder, so that work that was broken off goes on where it was.
 */
final class Retargeting {
  private final CudaLibrary original;
  private final int arch;
  private final Path modules;

  /**
   * @param arch 90 for sm_90
   * @param modules folder for what is assembled
   */
  Retargeting(CudaLibrary original, int arch, Path modules) {
    this.original = original;
    this.arch = arch;
    this.modules = modules;
  }

  /**
   * Assembles every module that is not there yet, largest first.
   *
   * @param jobs how many at once
   * @return all modules, in the library's order
   * @throws RetargetException if one cannot be assembled; what others gave is kept
   */
  List<Module> assemble(Assembler assembler, int jobs, Progress progress)
      throws IOException, InterruptedException {
    Files.createDirectories(modules);
    List<Integer> order = new ArrayList<>();
    for (int number = 0; number < original.fatBinaries().size(); number++) {
      order.add(number);
    }
    order.sort(Comparator.comparingLong(number -> -ptx(number).plainSize()));
    ExecutorService threads = Executors.newFixedThreadPool(jobs);
    Thread hook =
        new Thread(() -> ProcessHandle.current().descendants().forEach(ProcessHandle::destroy));
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      var service = new ExecutorCompletionService<Module>(threads);
      for (int number : order) {
        service.submit(() -> assemble(number, assembler, progress));
      }
      List<Module> result = new ArrayList<>();
      while (result.size() < order.size()) {
        result.add(service.take().get());
      }
      result.sort(Comparator.comparingInt(Module::number));
      return result;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new RetargetException("assembling failed: " + e.getCause(), e);
    } finally {
      threads.shutdownNow();
      Runtime.getRuntime().removeShutdownHook(hook);
    }
  }

  private Module assemble(int number, Assembler assembler, Progress progress)
      throws IOException, InterruptedException {
    byte[] ptx = ptx(number).code(original.bytes());
    String hash = Module.sha256(ptx);
    Optional<Module> known = known(number, hash);
    if (known.isPresent()) {
      progress.found(ptx.length);
      return known.get();
    }
    Assembler.Outcome outcome;
    try {
      outcome = assembler.assemble(ptx, arch, cubin(number));
    } catch (RetargetException e) {
      throw new RetargetException("module %03d: %s".formatted(number, e.getMessage()), e);
    }
    byte[] code = Files.readAllBytes(cubin(number));
    Module module =
        new Module(
            number,
            hash,
            Module.sha256(code),
            code.length,
            GpuSymbols.ofCubin(code).kernels().size(),
            outcome.level(),
            outcome.failures());
    Path part = record(number).resolveSibling(record(number).getFileName() + ".part");
    Files.writeString(part, module.line());
    Files.move(part, record(number), StandardCopyOption.ATOMIC_MOVE);
    if (!outcome.failures().isEmpty()) {
      progress.say(
          "module %03d: ptxas %s at %s; assembled with -O%d"
              .formatted(
                  number,
                  assembler.version(),
                  String.join(", ", outcome.failures()),
                  outcome.level()));
    }
    progress.assembled(ptx.length);
    return module;
  }

  /** A module that an earlier run finished, whole and of the same PTX. */
  private Optional<Module> known(int number, String ptxHash) throws IOException {
    if (!Files.exists(record(number)) || !Files.exists(cubin(number))) {
      return Optional.empty();
    }
    Module module = Module.parse(Files.readString(record(number)));
    boolean same =
        module.ptx().equals(ptxHash)
            && module.cubin().equals(Module.sha256(Files.readAllBytes(cubin(number))));
    return same ? Optional.of(module) : Optional.empty();
  }

  private FatBinary.Entry ptx(int number) {
    return original
        .fatBinaries()
        .get(number)
        .ptx()
        .orElseThrow(
            () ->
                new RetargetException(
                    "expected PTX in every fat binary, found none in number " + number));
  }

  private Path cubin(int number) {
    return modules.resolve("%03d.cubin".formatted(number));
  }

  private Path record(int number) {
    return modules.resolve("%03d.tsv".formatted(number));
  }

  /**
   * Writes the library with nothing but the assembled modules in it. What was there becomes zeros
   * that take no room on the disk.
   */
  void write(List<Module> assembled, Path target) throws IOException {
    ElfFile.Section code = original.code();
    try (FileChannel out =
        FileChannel.open(
            target,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      original.copyTo(out, 0, code.offset());
      assembled.parallelStream().forEach(module -> write(module, out));
      original.copyTo(out, code.end(), original.bytes().size());
      out.force(true);
    }
  }

  private void write(Module module, FileChannel out) {
    FatBinary slot = original.fatBinaries().get(module.number());
    try {
      byte[] cubin = Files.readAllBytes(cubin(module.number()));
      byte[] encoded = FatBinary.encode(arch, cubin);
      if (encoded.length > slot.size()) {
        throw new RetargetException(
            "module %03d: %d bytes of machine code do not fit into the %d bytes that the original takes"
                .formatted(module.number(), encoded.length, slot.size()));
      }
      ByteBuffer bytes = ByteBuffer.wrap(encoded);
      while (bytes.hasRemaining()) {
        out.write(bytes, slot.offset() + bytes.position());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
