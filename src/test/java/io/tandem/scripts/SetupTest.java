package io.tandem.scripts;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@code scripts/setup.sh} finds out about a machine. */
class SetupTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "Skylake, GenuineIntel, 6, 85, fma avx2 avx512f, ''",
    "Ice Lake, GenuineIntel, 6, 106, fma avx2 avx512f, Haswell",
    "Sapphire Rapids, GenuineIntel, 6, 143, fma avx2 avx512f, Haswell",
    "Zen 4, AuthenticAMD, 25, 17, fma avx2, ''",
    "Zen 5, AuthenticAMD, 26, 2, fma avx2, Haswell",
    "an old one, GenuineIntel, 6, 44, sse4_2, ''"
  })
  void kernelsAreNamedForProcessorsThatOpenBlasDoesNotKnow(
      String name, String vendor, int family, int model, String flags, String expected)
      throws Exception {
    Path cpuinfo = folder.resolve("cpuinfo");
    Files.writeString(
        cpuinfo,
        """
        processor\t: 0
        vendor_id\t: %s
        cpu family\t: %d
        model\t\t: %d
        model name\t: %s
        flags\t\t: fpu %s rdtscp

        """
            .formatted(vendor, family, model, name, flags));
    assertThat(kernels(cpuinfo)).isEqualTo(expected);
  }

  private static String kernels(Path cpuinfo) throws IOException, InterruptedException {
    ProcessBuilder bash =
        new ProcessBuilder(
            "bash",
            "-c",
            "source ../scripts/setup.sh; unset OPENBLAS_CORETYPE; blas_kernels \"$1\";"
                + " printf %s \"${OPENBLAS_CORETYPE:-}\"",
            "bash",
            cpuinfo.toString());
    Process process = bash.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    return said;
  }
}
