package io.tandem.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tandem.backend.Backend;
import io.tandem.backend.NvidiaDriver;
import io.tandem.backend.Trial;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DoctorCommandTest {
  @TempDir Path folder;

  @Test
  void everyThingThatMattersIsNamed() throws Exception {
    Path file = folder.resolve("doctor.json");
    assertThat(Main.run("doctor", "--no-trial", "--json", file.toString())).isZero();
    JsonNode json = new ObjectMapper().readTree(file.toFile());
    assertThat(json.get("usable").asBoolean()).isTrue();
    assertThat(json.get("findings").findValuesAsText("topic"))
        .contains("Java", "memory", "back end", "GPU", "kernels", "threads", "FAISS", "BLAS");
  }

  /** The answer must be the machine's, whichever machine this is. */
  @Test
  void aGpuThatIsNeededIsMissedWhereThereIsNone() throws Exception {
    boolean gpu = !NvidiaDriver.find().gpus().isEmpty();
    Path file = folder.resolve("doctor.json");
    int status = Main.run("doctor", "--need", "gpu", "--json", file.toString());
    assertThat(status).isEqualTo(gpu ? 0 : Failure.FAILED);
    if (!gpu) {
      JsonNode json = new ObjectMapper().readTree(file.toFile());
      for (JsonNode finding : json.get("findings")) {
        if (finding.get("topic").asText().equals("GPU")) {
          assertThat(finding.get("status").asText()).isEqualTo("MISSING");
          assertThat(finding.get("remedy").asText()).isNotEmpty();
        }
      }
    }
  }

  @Test
  void theCpuBackEndIsNotEnoughForTrainingOnAGpu() {
    if (Backend.find().orElseThrow().kind() == Backend.Kind.CPU) {
      assertThat(Main.run("doctor", "--need", "cuda", "--no-trial")).isEqualTo(Failure.FAILED);
    }
  }

  @Test
  void theTrialComputesOnTheBackEnd() {
    Finding finding = BackendTrial.run();
    assertThat(finding.status()).as(finding.toString()).isEqualTo(Finding.Status.OK);
    assertThat(finding.found()).contains("computes right");
  }

  @Test
  void aTrialThatEndsBadlySaysWhy() {
    assertThat(BackendTrial.judge(134, List.of("#")).found()).contains("signal 6");
    Finding failed =
        BackendTrial.judge(
            1,
            List.of(
                "Exception in thread \"main\" java.lang.RuntimeException: no GPU",
                "\tat io.tandem." + Trial.class.getSimpleName()));
    assertThat(failed.found()).contains("no GPU");
    assertThat(failed.status()).isEqualTo(Finding.Status.MISSING);
  }
}
