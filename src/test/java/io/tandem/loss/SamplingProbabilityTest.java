package io.tandem.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class SamplingProbabilityTest {

  @Test
  void exactProbabilitiesAreSharesOfTheCounts() {
    SamplingProbability exact = SamplingProbability.exact(new long[] {3, 0, 6});

    assertThat(exact.logQ(new int[] {2, 0, 1}))
        .containsExactly(
            new float[] {(float) Math.log(.6), (float) Math.log(.3), (float) Math.log(.1)},
            within(1e-6f));
  }

  @Test
  void streamingEstimatesConvergeToTheFrequencies() {
    double[] shares = {0.02, 0.002, 0.0005};
    SamplingProbability streaming = SamplingProbability.streaming(1 << 16, 0.01);
    Random random = new Random(5);
    int batch = 50;
    for (int step = 0; step < 60_000; step++) {
      streaming.observe(draw(random, shares, batch));
    }

    float[] logQ = streaming.logQ(new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});

    for (int item = 0; item < shares.length; item++) {
      // The estimate is of being in the batch at all, spread over its rows (here 10 are asked for).
      double inBatch = 1 - Math.pow(1 - shares[item], batch);
      assertThat((double) logQ[item]).isCloseTo(Math.log(inBatch / 10), within(0.35));
    }
  }

  @Test
  void streamingStateCanBeRestored() throws Exception {
    SamplingProbability streaming = SamplingProbability.streaming(64, 0.1);
    streaming.observe(new int[] {1, 2});
    streaming.observe(new int[] {2});
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    streaming.write(new DataOutputStream(bytes));
    SamplingProbability restored = SamplingProbability.streaming(64, 0.1);

    restored.read(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
    streaming.observe(new int[] {1});
    restored.observe(new int[] {1});

    assertThat(restored.logQ(new int[] {1, 2})).isEqualTo(streaming.logQ(new int[] {1, 2}));
  }

  private static int[] draw(Random random, double[] shares, int count) {
    int[] items = new int[count];
    for (int i = 0; i < count; i++) {
      double point = random.nextDouble();
      items[i] = 100 + random.nextInt(30_000);
      for (int item = 0; item < shares.length; item++) {
        if (point < shares[item]) {
          items[i] = item;
          break;
        }
        point -= shares[item];
      }
    }
    return items;
  }
}
