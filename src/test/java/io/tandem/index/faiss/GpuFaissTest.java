package io.tandem.index.faiss;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.NativeLibrary;
import io.tandem.config.IndexConfig;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissGpu;
import io.tandem.index.BuiltIndex;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * FAISS on a GPU. Elsewhere a library stands in for it that has the same interface and searches on
 * the processor, so that what is built must be the same.
 */
final class GpuFaissTest {
  private static final int DIM = 16;
  private static final int ROWS = 4000;

  private record Found(int[] rows, float[] scores) {}

  @AfterEach
  void forget() {
    System.clearProperty(FaissGpu.LIBRARY);
  }

  @Test
  void withoutTheLibraryTheCpuIsUsedAndTheReasonKnown() {
    assertThat(FaissGpu.problem()).contains("native/build-faiss-gpu.sh");
    System.setProperty(FaissGpu.LIBRARY, "target/no-such-file.so");
    assertThat(FaissGpu.problem()).contains("target/no-such-file.so does not exist");
    assertThat(GpuNearest.open(DIM, 10)).isNull();
    assertThat(GpuNearest.problem()).contains("does not exist");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"IVF32,Flat", "IVF32,SQ8", "IVF32,PQ4x4", "PCA8,IVF32,PQ4x4", "IVF32,PQ4x4fs"})
  void listsAreTrainedAndFilledWithTheGpusSearch(String factory) throws IOException {
    float[] vectors = vectors(ROWS, 1);
    float[] queries = vectors(50, 2);
    Found cpu = search(factory, vectors, queries);
    NativeLibrary library = standIn();
    int before = asked(library);
    Found gpu = search(factory, vectors, queries);

    assertThat(gpu.rows()).isEqualTo(cpu.rows());
    assertThat(gpu.scores()).isEqualTo(cpu.scores());
    // One search to find centroids by, one to fill lists by, where vectors come with their list.
    assertThat(asked(library) - before).isEqualTo(factory.endsWith("fs") ? 1 : 2);
  }

  @Test
  void aGraphIsBuiltOnTheCpu() throws IOException {
    NativeLibrary library = standIn();
    int before = asked(library);
    search("HNSW8", vectors(ROWS, 1), vectors(50, 2));

    assertThat(asked(library)).isEqualTo(before);
  }

  @Test
  void aReproducibleBuildStaysOnTheCpu() throws IOException {
    NativeLibrary library = standIn();
    int before = asked(library);
    try (FaissBuilder builder = new FaissBuilder(DIM, config("IVF32,Flat")).reproducible()) {
      builder.add(vectors(ROWS, 1), ROWS);
      builder.build(new float[0], 0).index().close();
    }

    assertThat(asked(library)).isEqualTo(before);
  }

  @Test
  void nearestRowsAreThoseOfTheLargestProducts() throws IOException {
    standIn();
    float[] vectors = vectors(300, 3);
    float[] queries = vectors(20, 4);
    try (GpuNearest nearest = Objects.requireNonNull(GpuNearest.open(DIM, 300))) {
      nearest.set(vectors, 300);
      nearest.set(vectors, 300);
      int[][] found = nearest.top(queries, 20, 5);
      for (int query = 0; query < 20; query++) {
        int own = query;
        int[] expected =
            IntStream.range(0, 300)
                .boxed()
                .sorted(
                    (a, b) ->
                        Float.compare(dot(queries, own, vectors, b), dot(queries, own, vectors, a)))
                .limit(5)
                .mapToInt(Integer::intValue)
                .toArray();
        assertThat(found[query]).isEqualTo(expected);
      }
    }
    // More than the gibibyte that the stand-in says is free.
    assertThat(GpuNearest.open(256, 2_000_000)).isNull();
  }

  /** In a process of its own: a library is opened once. */
  @Test
  void theLibraryForGpusSaysWhatIsMissing() throws IOException, InterruptedException {
    String cache = System.getenv("TANDEM_CACHE");
    Path library =
        (cache == null ? Path.of(System.getProperty("user.home"), ".cache/tandem") : Path.of(cache))
            .resolve("faiss-gpu/libtandem-faiss-gpu.so");
    if (!Files.exists(library)) {
      String reason = "FAISS was not built for GPUs here: native/build-faiss-gpu.sh";
      System.out.println("skipped: " + reason);
      Assumptions.abort(reason);
    }
    Path output = Files.createTempFile("tandem", ".txt");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-D%s=%s".formatted(FaissGpu.LIBRARY, library),
                "-cp",
                System.getProperty("java.class.path"),
                SaysProblem.class.getName())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    String said = Files.readString(output, StandardCharsets.UTF_8);
    Files.delete(output);

    assertThat(process.exitValue()).as(said).isZero();
    if (Files.exists(Path.of("/dev/nvidia0"))) {
      assertThat(said).contains("problem: null");
    } else {
      assertThat(said).contains("no GPU: ").contains("nearest: none");
    }
  }

  /** Prints what of a GPU can be used. */
  static final class SaysProblem {
    private SaysProblem() {}

    public static void main(String[] arguments) {
      System.out.println("problem: " + FaissGpu.problem());
      System.out.println("nearest: " + (GpuNearest.open(DIM, 10) == null ? "none" : "there"));
    }
  }

  private static NativeLibrary standIn() throws IOException {
    Path file = Path.of("target", "faiss-gpu-stand-in.so").toAbsolutePath();
    if (!Files.exists(file)) {
      Process process =
          new ProcessBuilder("../native/build-faiss-gpu.sh", "--stand-in", file.toString())
              .redirectErrorStream(true)
              .start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.onExit().join().exitValue()).as(said).isZero();
    }
    // By this the process has OpenBLAS, which the library takes from there.
    Faiss.load();
    System.setProperty(FaissGpu.LIBRARY, file.toString());
    assertThat(FaissGpu.problem()).isNull();
    return NativeLibrary.getInstance(file.toString());
  }

  private static int asked(NativeLibrary library) {
    return library.getFunction("tandem_faiss_gpu_asked").invokeInt(new Object[0]);
  }

  private static IndexConfig config(String factory) {
    return IndexConfig.ofFactory(factory)
        .withRecall(0, 10)
        .withLists(new IndexConfig.Lists(0, 8, 1));
  }

  private static Found search(String factory, float[] vectors, float[] queries) {
    try (FaissBuilder builder = new FaissBuilder(DIM, config(factory))) {
      builder.add(vectors, ROWS);
      BuiltIndex built = builder.build(queries, 50);
      try {
        int[] rows = new int[50 * 10];
        float[] scores = new float[50 * 10];
        built.index().search(queries, 50, 10, rows, scores);
        return new Found(rows, scores);
      } finally {
        built.index().close();
      }
    }
  }

  private static float dot(float[] x, int i, float[] y, int j) {
    float sum = 0;
    for (int k = 0; k < DIM; k++) {
      sum += x[i * DIM + k] * y[j * DIM + k];
    }
    return sum;
  }

  private static float[] vectors(int n, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[n * DIM];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextDouble() - 0.5);
    }
    return values;
  }
}
