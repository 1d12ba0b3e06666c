package io.tandem.retarget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole tool on a small library, with a program in ptxas's place that gives known code. */
final class RetargetTest {
  private static final int FIRST = 0;
  private static final int SECOND = 1;

  @TempDir Path folder;
  private final List<String> texts =
      List.of(TestLibrary.ptx("add", "multiply"), TestLibrary.ptx("random"), TestLibrary.ptx());
  private final List<byte[]> codes =
      List.of(
          TestLibrary.cubin("add", "multiply"), TestLibrary.cubin("random"), TestLibrary.cubin());
  private String jobs = "2";
  private byte[] library = new byte[0];
  private Path jar = Path.of("");

  @BeforeEach
  void write() throws IOException {
    library =
        TestLibrary.of(
            List.of(
                TestLibrary.fatBinary(texts.get(0), codes.get(0)),
                TestLibrary.fatBinary(texts.get(1), codes.get(1)),
                TestLibrary.fatBinary(texts.get(2), codes.get(2))));
    jar = TestLibrary.jar(folder, library);
    for (int i = 0; i < codes.size(); i++) {
      answer(i, codes.get(i));
    }
  }

  @Test
  void resultHoldsWhatTheAssemblerWroteAndNothingElse() throws Exception {
    assertThat(run("")).isZero();
    Path result = result();
    try (CudaLibrary made = CudaLibrary.open(ResultFolder.library(result))) {
      assertThat(made.bytes().size()).isEqualTo(library.length);
      for (int i = 0; i < codes.size(); i++) {
        List<FatBinary.Entry> entries = made.fatBinaries().get(i).entries();
        assertThat(entries).hasSize(1);
        assertThat(entries.get(0).arch()).isEqualTo(90);
        assertThat(entries.get(0).code(made.bytes())).isEqualTo(codes.get(i));
      }
    }
    assertThat(ResultFolder.modules(result)).extracting(Module::kernels).containsExactly(2, 1, 0);
    assertThat(Files.readString(result.resolve("retargeted.properties")))
        .contains("arch=sm_90", "ptxas=13.0.1", "jarSize=" + Files.size(jar));
    assertThat(tool("--arch", "sm_90", "--verify")).isZero();
    assertThat(result.resolveSibling(result.getFileName() + ".work")).doesNotExist();
  }

  @Test
  void aSecondRunAssemblesNothing() throws Exception {
    run("");
    long calls = calls();
    assertThat(run("")).isZero();
    assertThat(calls()).isEqualTo(calls);
  }

  @Test
  void aModuleThatCrashesTheAssemblerIsAssembledAtALowerLevel() throws Exception {
    assertThat(run("grep -q random \"$ptx\" && [ $level -gt 1 ] && kill -SEGV $$")).isZero();
    Module module = ResultFolder.modules(result()).get(SECOND);
    assertThat(module.level()).isEqualTo(1);
    assertThat(module.failures())
        .containsExactly("-O3: crashed (signal 11)", "-O2: crashed (signal 11)");
    assertThat(ResultFolder.modules(result()).get(FIRST).level()).isEqualTo(3);
  }

  @Test
  void brokenOffWorkGoesOnWhereItWas() throws Exception {
    jobs = "1";
    assertThat(run("grep -q random \"$ptx\" && exit 1")).isEqualTo(2);
    assertThat(folder.resolve("cache/cuda/back-end-sm_90")).doesNotExist();
    Files.delete(folder.resolve("calls"));
    assertThat(run("")).isZero();
    // The probe and the module that failed; the largest was there already.
    assertThat(Files.readAllLines(folder.resolve("calls")))
        .noneMatch(call -> call.contains("000.cubin"));
    assertThat(tool("--arch", "sm_90", "--verify")).isZero();
  }

  @Test
  void codeWithoutAKernelOfTheOriginalIsRefused() throws Exception {
    answer(FIRST, TestLibrary.cubin("add"));
    assertThat(run("")).isEqualTo(1);
    assertThat(folder.resolve("cache/cuda/back-end-sm_90")).doesNotExist();
  }

  @Test
  void verifyingFindsEveryKindOfDamage() throws Exception {
    run("");
    Path made = ResultFolder.library(result());
    int inText;
    long inCode;
    long behind;
    try (CudaLibrary opened = CudaLibrary.open(made)) {
      inText = (int) opened.elf().required(".text").offset() + 17;
      FatBinary last = opened.fatBinaries().get(2);
      inCode =
          opened.fatBinaries().get(SECOND).offset()
              + FatBinary.HEADER
              + FatBinary.ENTRY_HEADER
              + 40;
      behind = last.offset() + last.size() + 8;
    }
    for (long at : new long[] {inText, inCode, behind}) {
      byte[] whole = Files.readAllBytes(made);
      try (RandomAccessFile file = new RandomAccessFile(made.toFile(), "rw")) {
        file.seek(at);
        file.write(whole[(int) at] ^ 1);
      }
      assertThat(tool("--arch", "sm_90", "--verify")).as("byte %d", at).isEqualTo(1);
      Files.write(made, whole);
    }
    assertThat(tool("--arch", "sm_90", "--verify")).isZero();
  }

  @Test
  void damagedLibrariesAreRefused() {
    for (int length : new int[] {10, 100, library.length / 2, library.length - 1}) {
      assertThatThrownBy(() -> open(Arrays.copyOf(library, length)))
          .isInstanceOf(RetargetException.class);
    }
    ByteBuffer bytes = ByteBuffer.wrap(library.clone()).order(ByteOrder.LITTLE_ENDIAN);
    int code = find(bytes, FatBinary.MAGIC);
    bytes.putLong(code + 8, 1L << 40);
    assertThatThrownBy(() -> open(TestElf.array(bytes)))
        .isInstanceOf(RetargetException.class)
        .hasMessageContaining("fat binary");
    ByteBuffer zstandard = ByteBuffer.wrap(library.clone()).order(ByteOrder.LITTLE_ENDIAN);
    zstandard.putLong(code + FatBinary.HEADER + 40, 0x8011);
    assertThatThrownBy(() -> open(TestElf.array(zstandard))).hasMessageContaining("0x8011");
    ByteBuffer wrapper = ByteBuffer.wrap(library.clone()).order(ByteOrder.LITTLE_ENDIAN);
    wrapper.putLong(find(wrapper, CudaLibrary.WRAPPER_MAGIC) + 8, 4);
    assertThatThrownBy(() -> open(TestElf.array(wrapper))).hasMessageContaining("wrapper 0");
  }

  @Test
  void theLinkerIsAsked() throws Exception {
    byte[] broken = library.clone();
    broken[18] = 0; // a file for no machine that there is
    assertThat(Linker.problems(Files.write(folder.resolve("broken.so"), broken))).hasSize(1);
    assertThat(Linker.problems(Files.write(folder.resolve("whole.so"), library))).isEmpty();
  }

  @Test
  void damagedCodeIsRefusedBeforeItIsAssembled() throws Exception {
    ByteBuffer bytes = ByteBuffer.wrap(library.clone()).order(ByteOrder.LITTLE_ENDIAN);
    try (CudaLibrary opened = open(library)) {
      FatBinary.Entry ptx = opened.fatBinaries().get(0).ptx().orElseThrow();
      bytes.putInt((int) ptx.offset() + ptx.headerSize(), 0xffffffff);
    }
    jar = TestLibrary.jar(folder, TestElf.array(bytes));
    assertThat(run("")).isEqualTo(2);
  }

  @Test
  void whatIsMissingIsSaid() throws Exception {
    assertThat(tool("--arch", "sm_90", "--ptxas", folder.resolve("none").toString())).isEqualTo(2);
    assertThat(tool("--arch", "90")).isEqualTo(2);
    assertThat(tool("--arch", "sm_90", "--verify")).isEqualTo(2);
    // The back end's own code for sm_86 runs there.
    assertThat(tool("--arch", "sm_89")).isZero();
  }

  /** Skipped where there is no ptxas: TANDEM_PTXAS may name one. */
  @Test
  void aRealAssemblerKeepsTheNamesOfKernels() throws Exception {
    Assembler assembler;
    try {
      String named = System.getenv("TANDEM_PTXAS");
      assembler = Assembler.find(named == null ? null : Path.of(named));
    } catch (RetargetException e) {
      System.out.println("skipped: no ptxas on PATH, in /usr/local/cuda or named by TANDEM_PTXAS");
      assumeTrue(false, "no ptxas");
      throw e;
    }
    Path cubin = folder.resolve("real.cubin");
    byte[] ptx = TestLibrary.ptx("first", "second").getBytes(StandardCharsets.US_ASCII);
    assembler.assemble(ptx, 90, cubin);
    GpuSymbols found = GpuSymbols.ofCubin(Files.readAllBytes(cubin));
    assertThat(found.kernels()).isEqualTo(GpuSymbols.ofPtx(ptx).kernels()).hasSize(2);
    assertThat(found.constants()).containsAll(GpuSymbols.ofPtx(ptx).constants()).contains("table");
    try (CudaLibrary written =
        open(TestLibrary.of(List.of(FatBinary.encode(90, Files.readAllBytes(cubin)))))) {
      FatBinary.Entry entry = written.fatBinaries().get(0).cubin().orElseThrow();
      assertThat(entry.code(written.bytes())).isEqualTo(Files.readAllBytes(cubin));
    }
  }

  private static int find(ByteBuffer bytes, int magic) {
    for (int at = 0; at < bytes.limit() - 4; at += 4) {
      if (bytes.getInt(at) == magic) {
        return at;
      }
    }
    throw new AssertionError("there is none");
  }

  private CudaLibrary open(byte[] bytes) throws IOException {
    return CudaLibrary.open(Files.write(folder.resolve("library.so"), bytes));
  }

  /** What the stand-in for ptxas gives for a module. */
  private void answer(int module, byte[] cubin) throws IOException {
    String hash = Module.sha256(texts.get(module).getBytes(StandardCharsets.US_ASCII));
    Files.write(Files.createDirectories(folder.resolve("answers")).resolve(hash), cubin);
  }

  /** Runs the tool with a stand-in that does something first, such as failing. */
  private int run(String first) throws IOException {
    Path program = folder.resolve("ptxas");
    Files.writeString(
        program,
        """
        #!/bin/bash
        cd "%s"
        echo "$@" >>calls
        [ "$1" = --version ] && { echo "release 13.0, V13.0.1"; exit; }
        level=${2#-O} out=$4 ptx=$5
        %s
        answer=answers/$(sha256sum <"$ptx" | cut -c1-64)
        [ -f "$answer" ] || answer=/dev/null
        cp "$answer" "$out"
        """
            .formatted(folder, first));
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    return tool("--arch", "sm_90", "--ptxas", program.toString(), "--jobs", jobs);
  }

  private int tool(String... arguments) {
    return Main.commandLine()
        .execute(
            Stream.concat(
                    Stream.of(
                        "--jar", jar.toString(), "--cache", folder.resolve("cache").toString()),
                    Arrays.stream(arguments))
                .toArray(String[]::new));
  }

  private long calls() throws IOException {
    return Files.readAllLines(folder.resolve("calls")).stream()
        .filter(call -> call.contains(".cubin"))
        .count();
  }

  private Path result() throws IOException {
    return folder.resolve("cache/cuda/back-end-sm_90").toRealPath();
  }
}
