package io.tandem.feature;

import io.tandem.config.FeatureSpec;
import io.tandem.config.FeatureSpec.Transform;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A number. Values that are missing or not finite give 0 and, where training had missing ones, a
 * flag of 1 beside it; standardized values are cut at ten deviations, so that no value of serving
 * throws a tower off. Bucketized, row 0 is for missing values and row b for the b-th bucket.
 *
 * @param table present exactly for {@code BUCKETIZE}
 */
record NumericEncoder(
    FeatureSpec.Numeric spec, Statistics statistics, InputSchema.@Nullable TableShape table)
    implements Encoder {
  private static final double LIMIT = 10;

  /**
   * What training data says of a number, after the transform's logarithm where it has one.
   *
   * @param missing whether training had missing values
   * @param boundaries ascending upper bounds (exclusive) of all buckets but the last
   */
  record Statistics(double mean, double deviation, boolean missing, double[] boundaries) {}

  @Override
  public int denseWidth() {
    if (table != null) {
      return 0;
    }
    return statistics.missing() ? 2 : 1;
  }

  @Override
  public InputSchema.Slot slot() {
    if (table == null) {
      throw new IllegalStateException(spec.name() + " gives dense numbers");
    }
    return Encoder.slot(spec.name(), table, FeatureSpec.Pooling.MEAN);
  }

  @Override
  public void encode(FeatureValues values, FeatureBatch target, int slot) {
    double value = values.number(spec.column());
    boolean present = Double.isFinite(value);
    if (table != null) {
      target.add(slot, present ? 1 + bucket(value) : 0);
      target.endSlot(slot);
      return;
    }
    target.addDense(present ? (float) transform(value) : 0);
    if (statistics.missing()) {
      target.addDense(present ? 0 : 1);
    }
  }

  @Override
  public boolean knows(FeatureValues values) {
    return Double.isFinite(values.number(spec.column()));
  }

  /** The value whose statistics are taken. */
  static double beforeStatistics(Transform transform, double value) {
    return transform == Transform.LOG1P ? Math.log1p(Math.max(0, value)) : value;
  }

  private double transform(double value) {
    if (spec.transform() == Transform.NONE) {
      return Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, value));
    }
    double centred = beforeStatistics(spec.transform(), value) - statistics.mean();
    return Math.max(-LIMIT, Math.min(LIMIT, centred / statistics.deviation()));
  }

  private int bucket(double value) {
    int found = Arrays.binarySearch(statistics.boundaries(), value);
    return found >= 0 ? found + 1 : -found - 1;
  }
}
