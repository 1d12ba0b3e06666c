package io.tandem.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

final class PrincipalComponentsTest {

  @Test
  void plantedAxesAreFoundInTheOrderOfTheirVariance() {
    // a = 5 z1 along (0.6, 0.8, 0, 0), b = 2 z2 along (0, 0, −1, 0), noise of 0.1; mean elsewhere.
    int n = 4000;
    Random random = new Random(3);
    float[] vectors = new float[n * 4];
    double[] a = new double[n];
    double[] b = new double[n];
    for (int row = 0; row < n; row++) {
      a[row] = 5 * random.nextGaussian();
      b[row] = 2 * random.nextGaussian();
      double[] clean = {0.6 * a[row], 0.8 * a[row] + 7, -b[row], 3};
      for (int d = 0; d < 4; d++) {
        vectors[row * 4 + d] = (float) (clean[d] + 0.1 * random.nextGaussian());
      }
    }

    PrincipalComponents found = PrincipalComponents.of(vectors, 4);

    assertThat(correlation(found.x(), a)).isGreaterThan(0.999);
    assertThat(correlation(found.y(), b)).isLessThan(-0.99);
    assertThat(found.xShare()).isCloseTo(25 / 29.0, within(0.02));
    assertThat(found.yShare()).isCloseTo(4 / 29.0, within(0.02));
    assertThat(found.x()[0]).isCloseTo(a[0], within(0.6));
    assertThat(PrincipalComponents.of(vectors, 4).y()).isEqualTo(found.y());
  }

  @Test
  void manyWeakColumnsThatMoveTogetherBeatAStrongOneAlone() {
    // The strongest column alone has variance 9; twenty that move together have 20.
    int n = 1000;
    Random random = new Random(4);
    float[] vectors = new float[n * 21];
    double[] together = new double[n];
    for (int row = 0; row < n; row++) {
      together[row] = random.nextGaussian();
      for (int d = 0; d < 20; d++) {
        vectors[row * 21 + d] = (float) together[row];
      }
      vectors[row * 21 + 20] = (float) (3 * random.nextGaussian());
    }

    assertThat(correlation(PrincipalComponents.of(vectors, 21).x(), together)).isGreaterThan(0.99);
  }

  @Test
  void vectorsOfOneDirectionOrNoneHaveNoSecondAxis() {
    PrincipalComponents line = PrincipalComponents.of(new float[] {1, 2, 2, 4, 3, 6}, 2);
    assertThat(line.x())
        .containsExactly(new double[] {-Math.sqrt(5), 0, Math.sqrt(5)}, within(1e-9));
    assertThat(line.y()).containsExactly(new double[3], within(1e-9));
    assertThat(line.xShare()).isCloseTo(1, within(1e-9));
    assertThat(line.yShare()).isZero();

    PrincipalComponents same = PrincipalComponents.of(new float[] {1, 1, 1}, 1);
    assertThat(same.x()).containsExactly(0, 0, 0);
    assertThat(PrincipalComponents.of(new float[0], 3).x()).isEmpty();
    assertThatThrownBy(() -> PrincipalComponents.of(new float[5], 3))
        .hasMessage("5 numbers are not rows of 3");
  }

  private static double correlation(double[] a, double[] b) {
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.length; i++) {
      ab += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    return ab / Math.sqrt(aa * bb);
  }
}
