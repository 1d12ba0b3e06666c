package io.tandem.tower;

import io.tandem.config.FeatureSpec.Pooling;
import io.tandem.feature.InputSchema;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Pools a slot's values by more than a weighted sum, while serving. Safe for any number of threads,
 * each with its own {@link Scratch}.
 */
sealed interface SequencePooling permits NetworkPooling, FoldInPooling {

  /** Buffers of one thread. */
  interface Scratch {}

  Scratch scratch();

  /** Adds the pooled vector of values {@code start} until {@code end} to a part of an array. */
  void add(int[] ids, int start, int end, Scratch scratch, float[] target, int at);

  /** For a slot, or null where it is pooled by a weighted sum. */
  static @Nullable SequencePooling open(InputSchema.Slot slot, MappedTable table, Path file) {
    if (slot.pooling() == Pooling.FOLD_IN) {
      return FoldInPooling.open(file, table, slot.table());
    }
    return slot.pooling().isNetwork() ? NetworkPooling.open(slot, table, file) : null;
  }
}
