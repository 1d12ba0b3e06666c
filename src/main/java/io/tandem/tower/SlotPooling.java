package io.tandem.tower;

import io.tandem.config.FeatureSpec;
import io.tandem.feature.InputSchema;
import io.tandem.tower.sequence.SequenceShape;

/** How the values of a slot become one vector. */
final class SlotPooling {
  private SlotPooling() {}

  /**
   * Weight of a value where the pooled vector is a weighted sum.
   *
   * @param i place of the value, from 0, in time order
   * @param n number of values
   */
  static float weight(InputSchema.Slot slot, int i, int n) {
    return switch (slot.pooling()) {
      case MEAN -> 1f / n;
      case RECENCY -> recency(sequence(slot).decay(), i, n);
      case SUM -> 1;
      default -> throw new IllegalStateException(slot.pooling() + " is no weighted sum");
    };
  }

  /** r^(n−1−i) / Σ r^j. */
  private static float recency(double decay, int i, int n) {
    double sum = decay == 1 ? n : (1 - Math.pow(decay, (double) n)) / (1 - decay);
    return (float) (Math.pow(decay, (double) (n - 1 - i)) / sum);
  }

  /** The network of a slot that is pooled by one. */
  static SequenceShape sequenceShape(InputSchema.Slot slot) {
    FeatureSpec.Sequence sequence = sequence(slot);
    SequenceShape.Kind kind =
        switch (slot.pooling()) {
          case ATTENTION -> SequenceShape.Kind.ATTENTION;
          case GRU -> SequenceShape.Kind.GRU;
          case TRANSFORMER -> SequenceShape.Kind.TRANSFORMER;
          default -> throw new IllegalStateException(slot.pooling() + " is no network");
        };
    return new SequenceShape(
        kind,
        slot.table().dim(),
        sequence.layers(),
        sequence.heads(),
        sequence.maxLength(),
        sequence.dropout());
  }

  private static FeatureSpec.Sequence sequence(InputSchema.Slot slot) {
    FeatureSpec.Sequence sequence = slot.sequence();
    if (sequence == null) {
      throw new IllegalStateException(slot.feature() + " is no sequence");
    }
    return sequence;
  }
}
