package io.tandem.backend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

final class NvidiaDriverTest {
  @Test
  void gpusAreReadFromWhatTheDriversProgramSays() {
    NvidiaDriver found =
        NvidiaDriver.parse(
            true,
            Optional.of("1.2"),
            """
            NVIDIA H200, 9.0, 143771, 143162, 580.65.06
            NVIDIA GeForce RTX 5090, 12.0, 32607, 31000, 580.65.06
            """,
            Optional.of("13.0"));
    assertThat(found.gpus())
        .containsExactly(
            new NvidiaDriver.Gpu("NVIDIA H200", 90, 143771, 143162),
            new NvidiaDriver.Gpu("NVIDIA GeForce RTX 5090", 120, 32607, 31000));
    assertThat(found.version()).contains("580.65.06");
  }

  @Test
  void whatIsNoTableOfGpusIsNoGpu() {
    NvidiaDriver found =
        NvidiaDriver.parse(true, Optional.of("1.2"), "No devices were found\n", Optional.empty());
    assertThat(found.gpus()).isEmpty();
    assertThat(found.version()).contains("1.2");
  }
}
