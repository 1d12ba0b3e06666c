package io.tandem.feature;

import io.tandem.config.FeatureSpec.Pooling;

/**
 * Turns the raw value of one feature into its part of a tower's input. The value comes through
 * {@link FeatureValues} in training and in serving alike, so that both encode the same.
 *
 * <p>An encoder either looks rows up in an embedding table, and then fills one slot, or gives dense
 * numbers.
 */
sealed interface Encoder
    permits BagEncoder, IdEncoder, NumericEncoder, SequenceEncoder, TextEncoder, TimestampEncoder {

  /** Dense numbers that it gives; 0 where it fills a slot. */
  int denseWidth();

  /** The slot that it fills; to be called only where {@link #denseWidth} is 0. */
  InputSchema.Slot slot();

  /** Appends the feature to the row being appended: to {@code slot}, or to the dense numbers. */
  void encode(FeatureValues values, FeatureBatch target, int slot);

  /** Whether the value is there and, where there is a vocabulary, in it. */
  boolean knows(FeatureValues values);

  /** An encoder that fills a slot. */
  static InputSchema.Slot slot(String feature, InputSchema.TableShape table, Pooling pooling) {
    return new InputSchema.Slot(feature, table, pooling);
  }
}
