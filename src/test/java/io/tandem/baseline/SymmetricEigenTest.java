package io.tandem.baseline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class SymmetricEigenTest {

  /** Ranks below the size give eigenvalues that are zero many times over. */
  @Property(tries = 60)
  void eigenvectorsAreOrthonormalAndRestoreTheMatrix(
      @ForAll @IntRange(min = 1, max = 40) int n,
      @ForAll @IntRange(min = 0, max = 40) int rank,
      @ForAll long seed) {
    double[][] a = gramian(n, rank, new Random(seed));

    check(a);
  }

  @Test
  void largeDiagonalAndZeroMatricesAreDecomposed() {
    check(gramian(200, 200, new Random(3)));
    check(new double[5][5]);
    double[][] diagonal = new double[4][4];
    for (int i = 0; i < 4; i++) {
      diagonal[i][i] = 3 - i;
    }
    check(diagonal);
  }

  private static void check(double[][] a) {
    int n = a.length;
    double[][] copy = new double[n][];
    double norm = 1e-300;
    for (int i = 0; i < n; i++) {
      copy[i] = a[i].clone();
      norm = Math.max(norm, a[i][i]);
    }
    SymmetricEigen eigen = SymmetricEigen.of(copy);
    double[][] z = eigen.vectors();
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        double product = MultiplyAdd.dot(z[i], z[j], 0, n);
        assertThat(product).isCloseTo(i == j ? 1 : 0, within(1e-12));
        double restored = 0;
        for (int k = 0; k < n; k++) {
          restored += eigen.values()[k] * z[k][i] * z[k][j];
        }
        assertThat(restored).isCloseTo(a[i][j], within(1e-12 * n * norm));
      }
    }
  }

  private static double[][] gramian(int n, int rank, Random random) {
    double[][] a = new double[n][n];
    for (int r = 0; r < rank; r++) {
      double[] x = random.doubles(n, -1, 1).toArray();
      for (int i = 0; i < n; i++) {
        MultiplyAdd.add(a[i], x, x[i], 0, n);
      }
    }
    return a;
  }
}
