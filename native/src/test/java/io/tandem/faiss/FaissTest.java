package io.tandem.faiss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.faiss.binding.Clustering;
import io.tandem.faiss.binding.Index;
import io.tandem.faiss.binding.IndexFlatL2;
import io.tandem.faiss.binding.global.faiss;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.junit.jupiter.api.Test;

class FaissTest {
  @Test
  void buildInfoSaysWhatTheLibraryIs() {
    BuildInfo build = Faiss.load();
    assertThat(build).isEqualTo(Faiss.buildInfo());
    assertThat(build.version()).isEqualTo("1.7.3");
    assertThat(build.source()).matches("package .+|library .+|folder");
    assertThat(build.compiler()).isNotEmpty();
    assertThat(faiss.compile_options().getString())
        .isEqualTo(build.optLevel().equals("avx2") ? "OPTIMIZE AVX2" : "OPTIMIZE GENERIC");
  }

  @Test
  void aProcessorWithoutWhatTheLibraryNeedsIsRefusedByName() {
    Cpu.require("avx2", Set.of("sse2", "avx2", "fma", "f16c", "popcnt"));
    Cpu.require("generic", Set.of("sse2"));
    assertThatThrownBy(() -> Cpu.require("avx2", Set.of("sse2", "popcnt", "fma")))
        .isInstanceOf(FaissException.class)
        .hasMessage(
            "FAISS was built for avx2: expected a processor with avx2, f16c, fma, popcnt, found one"
                + " without avx2, f16c; build it with FAISS_OPT_LEVEL=generic to run here");
    assertThatThrownBy(() -> Cpu.require("neon", Set.of())).hasMessageContaining("found neon");
  }

  @Test
  void aFactoryStringThatMeansNothingIsRefused() {
    assertThatThrownBy(() -> Faiss.create(32, "Nonsense", Metric.INNER_PRODUCT))
        .isInstanceOf(FaissException.class)
        .hasMessage("could not parse index string Nonsense")
        .hasMessageNotContaining(".cpp");
  }

  @Test
  void aMissingFileIsNamed() {
    Path file = Path.of("no", "such.faiss");
    assertThatThrownBy(() -> Faiss.read(file, 32, Storage.MEMORY))
        .isInstanceOf(FaissException.class)
        .hasMessageContaining("cannot read index no/such.faiss")
        .hasMessageContaining("No such file");
    try (Index index = Faiss.create(32, "Flat", Metric.L2)) {
      assertThatThrownBy(() -> Faiss.write(index, file))
          .isInstanceOf(FaissException.class)
          .hasMessageContaining("cannot write index no/such.faiss");
    }
  }

  @Test
  void reasonsComeWithoutTheirPlaceInTheSource() {
    assertThat(FaissException.reason("Error in f(int, x) at /Index.cpp:12: Error: 'k > 0' failed"))
        .isEqualTo("expected k > 0");
    assertThat(
            FaissException.reason(
                "Error in f() at /Index.cpp:12: Error: 'ok' failed: training set too small"))
        .isEqualTo("training set too small");
    assertThat(FaissException.reason("Error in f() at /Index.cpp:12: not implemented\n"))
        .isEqualTo("not implemented");
    assertThat(FaissException.reason("std::bad_alloc")).isEqualTo("std::bad_alloc");
    assertThat(FaissException.reason(null)).isNotEmpty();
  }

  @Test
  void failuresOfOthersPassUnchanged() {
    assertThatThrownBy(
            () ->
                Faiss.run(
                    () -> {
                      throw new IllegalStateException("mine");
                    }))
        .isExactlyInstanceOf(IllegalStateException.class);
  }

  @Test
  void aThreadCountHoldsForAllThreads() {
    int before = Faiss.threads();
    try {
      Faiss.setThreads(before + 2);
      assertThat(Faiss.threads()).isEqualTo(before + 2);
      assertThat(CompletableFuture.supplyAsync(Faiss::threads).join()).isEqualTo(before + 2);
      assertThatThrownBy(() -> Faiss.setThreads(0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("expected at least 1 thread, found 0");
    } finally {
      Faiss.setThreads(before);
    }
  }

  @Test
  void clusteringFindsTheClusters() {
    Vectors vectors = Vectors.clustered(2000, 16, 8, 3);
    Faiss.load();
    try (Clustering clustering = new Clustering(16, 8);
        IndexFlatL2 centroids = new IndexFlatL2(16L);
        FloatPointer x = vectors.pointer();
        FloatPointer distance = new FloatPointer(vectors.count());
        LongPointer cluster = new LongPointer(vectors.count())) {
      Faiss.run(() -> clustering.train(vectors.count(), x, centroids));
      assertThat(centroids.ntotal()).isEqualTo(8);
      Faiss.run(() -> centroids.search(vectors.count(), x, 1, distance, cluster));
      double sum = 0;
      for (int i = 0; i < vectors.count(); i++) {
        sum += distance.get(i);
      }
      assertThat(sum / vectors.count()).isLessThan(0.4);
    }
  }
}
