package io.tandem.backend;

import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.backend.Backend.Fit;
import io.tandem.backend.Backend.Retargeted;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class BackendTest {
  @Test
  void theBackEndOnTheClassPathIsTheOneThatNd4jTakes() {
    Backend found = Backend.find().orElseThrow();
    assertThat(Nd4j.getBackend().getClass().getSimpleName())
        .isEqualTo(found.kind() == Backend.Kind.CPU ? "CpuBackend" : "JCublasBackend");
    assertThat(found.name()).startsWith("nd4j-");
  }

  @Test
  void theBackEndsOwnCodeFitsGpusUpToItsGeneration() {
    assertThat(Backend.fit(null, 30)).isEqualTo(Fit.NONE);
    assertThat(Backend.fit(null, 70)).isEqualTo(Fit.FITS);
    assertThat(Backend.fit(null, 89)).isEqualTo(Fit.FITS);
    assertThat(Backend.fit(null, 90)).isEqualTo(Fit.TRANSLATED);
  }

  @Test
  void codeAssembledAheadOfTimeFitsItsGenerationAlone() {
    Retargeted code = new Retargeted("sm_100", "13.0.88");
    assertThat(Backend.fit(code, 100)).isEqualTo(Fit.FITS);
    assertThat(Backend.fit(code, 103)).isEqualTo(Fit.FITS);
    assertThat(Backend.fit(code, 90)).isEqualTo(Fit.NONE);
    assertThat(Backend.fit(code, 120)).isEqualTo(Fit.NONE);
  }

  @Test
  void javaAndNd4jSeeTheSameNumbers() {
    INDArray array = Nd4j.create(new float[] {1, 2, 3, 4}, new long[] {2, 2}, 'c');
    array.addi(1);
    FloatBuffer values = HostMemory.of(array);
    assertThat(values.get(3)).isEqualTo(5);
    values.put(3, 10);
    HostMemory.written(array);
    assertThat(array.sumNumber().doubleValue()).isEqualTo(19);
    HostMemory.put(array, new float[] {7, 7}, 2);
    assertThat(array.sumNumber().doubleValue()).isEqualTo(28);
    float[] read = new float[3];
    HostMemory.get(array, read, 1, 2);
    assertThat(read).containsExactly(0, 7, 7);
  }
}
