package io.tandem.retarget;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Compares a retargeted library with its original: what a machine without a GPU can tell. The code
 * of each module is what the assembler wrote, and defines every kernel that the original's does;
 * the rest of the library is the original's, byte for byte; nothing else is left in the GPU code.
 */
final class Verification {
  private static final int CHUNK = 1 << 20;
  private static final int MOST_NAMES = 3;

  private final CudaLibrary original;
  private final CudaLibrary result;
  private final int arch;
  private final List<String> problems = new ArrayList<>();
  private int kernels;
  private long codeSize;
  private long storedSize;

  /**
   * What was found.
   *
   * @param kernels how many the original has, all of which the result has if there is no problem
   * @param codeSize bytes of machine code
   * @param storedSize bytes that it takes in the library
   */
  record Report(int modules, int kernels, long codeSize, long storedSize, List<String> problems) {}

  private Verification(CudaLibrary original, CudaLibrary result, int arch) {
    this.original = original;
    this.result = result;
    this.arch = arch;
  }

  /**
   * Verifies.
   *
   * @param modules what was assembled
   * @throws RetargetException if one of the files is no library with GPU code, or damaged
   */
  static Report verify(Path original, Path result, int arch, List<Module> modules)
      throws IOException, InterruptedException {
    try (CudaLibrary before = CudaLibrary.open(original);
        CudaLibrary after = CudaLibrary.open(result)) {
      Verification verification = new Verification(before, after, arch);
      verification.rest();
      verification.modules(modules);
      verification.gaps();
      verification.problems.addAll(Linker.problems(result));
      return new Report(
          modules.size(),
          verification.kernels,
          verification.codeSize,
          verification.storedSize,
          List.copyOf(verification.problems));
    }
  }

  private void rest() {
    long size = original.bytes().size();
    if (result.bytes().size() != size || !result.code().equals(original.code())) {
      problems.add(
          "expected a file of %d bytes with its GPU code at %s, found %d bytes and %s"
              .formatted(size, original.code(), result.bytes().size(), result.code()));
      return;
    }
    same(0, original.code().offset());
    same(original.code().end(), size);
  }

  private void same(long from, long to) {
    for (long at = from; at < to; at += CHUNK) {
      int length = (int) Math.min(CHUNK, to - at);
      int differs = original.bytes().read(at, length).mismatch(result.bytes().read(at, length));
      if (differs >= 0) {
        problems.add(
            "outside the GPU code, byte %d differs from the original".formatted(at + differs));
        return;
      }
    }
  }

  private void modules(List<Module> modules) {
    int count = original.fatBinaries().size();
    if (result.fatBinaries().size() != count || modules.size() != count) {
      problems.add(
          "expected %d fat binaries, found %d of %d modules"
              .formatted(count, result.fatBinaries().size(), modules.size()));
      return;
    }
    for (int number = 0; number < count; number++) {
      try {
        module(
            modules.get(number),
            original.fatBinaries().get(number),
            result.fatBinaries().get(number));
      } catch (RetargetException e) {
        problem(number, "cannot be read: " + e);
      }
    }
  }

  private void module(Module module, FatBinary before, FatBinary after) {
    int number = module.number();
    if (before.offset() != after.offset()
        || after.entries().size() != 1
        || after.entries().get(0).kind() != FatBinary.Kind.CUBIN
        || after.entries().get(0).arch() != arch) {
      problem(number, "expected machine code for sm_%d alone, found %s".formatted(arch, after));
      return;
    }
    byte[] ptx = before.ptx().orElseThrow().code(original.bytes());
    byte[] code = after.entries().get(0).code(result.bytes());
    if (!Module.sha256(ptx).equals(module.ptx())) {
      problem(number, "was assembled from other PTX than the original's");
    }
    if (!Module.sha256(code).equals(module.cubin())) {
      problem(number, "is not what the assembler wrote");
    }
    codeSize += code.length;
    storedSize += after.size();
    GpuSymbols declared = GpuSymbols.ofPtx(ptx);
    GpuSymbols defined = GpuSymbols.ofCubin(code);
    Set<String> expected = new TreeSet<>(declared.kernels());
    before
        .cubin()
        .map(entry -> GpuSymbols.ofCubin(entry.code(original.bytes())).kernels())
        .ifPresent(expected::addAll);
    kernels += expected.size();
    missing(number, "kernels", expected, defined.kernels());
    missing(number, "constants", declared.constants(), defined.constants());
  }

  private void missing(int number, String what, Set<String> expected, Set<String> found) {
    Set<String> missing = new TreeSet<>(expected);
    missing.removeAll(found);
    if (!missing.isEmpty()) {
      problem(
          number,
          "lacks %d %s of the original's, such as %s"
              .formatted(
                  missing.size(),
                  what,
                  String.join(", ", missing.stream().limit(MOST_NAMES).toList())));
    }
  }

  /** Between the fat binaries must be nothing but zeros. */
  private void gaps() {
    long from = result.code().offset();
    for (FatBinary fatBinary : result.fatBinaries()) {
      zeros(from, fatBinary.offset());
      from = fatBinary.offset() + fatBinary.size();
    }
    zeros(from, result.code().end());
  }

  private void zeros(long from, long to) {
    ByteBuffer zeros = ByteBuffer.allocate(CHUNK);
    for (long at = from; at < to; at += CHUNK) {
      int length = (int) Math.min(CHUNK, to - at);
      int differs = result.bytes().read(at, length).mismatch(zeros.slice(0, length));
      if (differs >= 0) {
        problems.add("other GPU code is left at offset %d".formatted(at + differs));
        return;
      }
    }
  }

  private void problem(int number, String what) {
    problems.add("module %03d %s".formatted(number, what));
  }
}
