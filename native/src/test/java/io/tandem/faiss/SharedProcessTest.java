package io.tandem.faiss;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** FAISS and ND4J in one process: either first, and no BLAS but ND4J's own. */
class SharedProcessTest {
  /** Far above the few seconds it takes, and below what spinning threads make of it. */
  private static final Duration BOUND = Duration.ofSeconds(40);

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"faiss nd4j", "nd4j faiss", "faiss nd4j faiss nd4j"})
  void bothLibrariesWorkInAnyOrderOverTheSameBlas(String order) throws Exception {
    List<String> lines = run(order.split(" ", -1));
    assertThat(lines).filteredOn(line -> line.startsWith("faiss ")).containsOnly("faiss 100");
    assertThat(lines).filteredOn(line -> line.startsWith("nd4j ")).containsOnly("nd4j 27000000");
    // ND4J by itself maps the one file under two names, for calls with and without LAPACK.
    assertThat(mapped(lines, "blas|lapack|mkl"))
        .extracting(file -> Path.of(file).getFileName().toString())
        .containsExactlyInAnyOrder("libopenblas.so.0", "libopenblas_nolapack.so.0");
    assertThat(mapped(lines, "blas|lapack|mkl")).allMatch(SharedProcessTest::isFromOpenBlasJar);
  }

  @Test
  void aloneItNeedsNoBlasOfTheSystem() throws Exception {
    List<String> lines = run("faiss");
    assertThat(lines).contains("faiss 100", "done");
    assertThat(lines).as("memory outside the heap is not limited by it").contains("limit 0");
    assertThat(mapped(lines, "blas|lapack|mkl"))
        .hasSize(1)
        .allMatch(SharedProcessTest::isFromOpenBlasJar);
    assertThat(mapped(lines, "gfortran|quadmath"))
        .isNotEmpty()
        .allMatch(SharedProcessTest::isFromOpenBlasJar);
  }

  private static boolean isFromOpenBlasJar(String file) {
    return file.contains("/org/bytedeco/openblas/linux-x86_64/");
  }

  /** Files that were mapped and whose names contain one of the given words. */
  private static List<String> mapped(List<String> lines, String words) {
    return lines.stream()
        .filter(line -> line.matches("mapped .*/lib(?!jni)[^/]*(" + words + ")[^/]*"))
        .map(line -> line.substring("mapped ".length()))
        .toList();
  }

  private List<String> run(String... libraries) throws Exception {
    Path output = folder.resolve("output");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx512m", "-cp", System.getProperty("java.class.path")));
    command.add(SharedProcess.class.getName());
    command.addAll(List.of(libraries));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(process.waitFor(BOUND.toSeconds(), TimeUnit.SECONDS))
          .as("finished within %s", BOUND)
          .isTrue();
    } finally {
      process.destroyForcibly();
    }
    List<String> lines = Files.readAllLines(output);
    assertThat(process.exitValue()).as(String.join("\n", lines)).isZero();
    return lines;
  }
}
