package io.tandem.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WarpgroupCheckTest {
  private static final float[][] EXPECTED = {{3, -4, 0}, {1, 2}};

  @Test
  void roundingsOfThePrecisionAgree() {
    assertThat(WarpgroupCheck.agree(Precision.TF32, EXPECTED, withLast(2.001f))).isTrue();
    assertThat(WarpgroupCheck.agree(Precision.BF16, EXPECTED, withLast(2.02f))).isTrue();
  }

  @Test
  void moreThanRoundingsIsRefusedInEitherMatrix() {
    assertThat(WarpgroupCheck.agree(Precision.TF32, EXPECTED, withLast(2.02f))).isFalse();
    assertThat(WarpgroupCheck.agree(Precision.BF16, EXPECTED, withLast(1.5f))).isFalse();
    float[][] first = {{4, -4, 0}, {1, 2}};
    assertThat(WarpgroupCheck.agree(Precision.BF16, EXPECTED, first)).isFalse();
  }

  @Test
  void whatIsNoNumberIsRefused() {
    assertThat(WarpgroupCheck.agree(Precision.BF16, EXPECTED, withLast(Float.NaN))).isFalse();
    assertThat(WarpgroupCheck.agree(Precision.TF32, EXPECTED, withLast(Float.NEGATIVE_INFINITY)))
        .isFalse();
  }

  private static float[][] withLast(float value) {
    return new float[][] {EXPECTED[0].clone(), {1, value}};
  }
}
