package io.tandem.retarget;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What nvidia-smi, which comes with the driver, says of the GPU at hand. */
final class LocalGpu {
  private static final Pattern CAPABILITY = Pattern.compile("(?m)^(\\d+)\\.(\\d)\\s*$");
  private static final Pattern CUDA = Pattern.compile("CUDA Version:\\s*(\\d+)\\.(\\d+)");

  private LocalGpu() {}

  /** Architecture of the first GPU, 90 for sm_90. */
  static OptionalInt arch() throws InterruptedException {
    Optional<String> output =
        run(List.of("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"));
    Matcher matcher = CAPABILITY.matcher(output.orElse(""));
    return matcher.find()
        ? OptionalInt.of(Integer.parseInt(matcher.group(1) + matcher.group(2)))
        : OptionalInt.empty();
  }

  /** The newest major version of CUDA that the driver supports. */
  static OptionalInt cudaMajor() throws InterruptedException {
    Matcher matcher = CUDA.matcher(run(List.of("nvidia-smi")).orElse(""));
    return matcher.find()
        ? OptionalInt.of(Integer.parseInt(matcher.group(1)))
        : OptionalInt.empty();
  }

  private static Optional<String> run(List<String> command) throws InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? Optional.of(output) : Optional.empty();
    } catch (IOException noSuchProgram) {
      return Optional.empty();
    }
  }
}
