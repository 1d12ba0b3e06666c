package io.tandem.feature;

import io.tandem.data.Attributes;
import io.tandem.data.Rows;

/** Turns items into tower inputs. Safe for any number of threads. */
public interface ItemEncoder {
  /** Appends every row of a chunk. */
  void encode(Rows rows, FeatureBatch target);

  /** Appends one item. */
  void encode(FeatureValues values, FeatureBatch target);

  /**
   * Counts the rows of a chunk of which a feature is missing, or out of the vocabulary.
   *
   * @param counts [features of the item side], added to
   */
  void countUnknown(Rows rows, long[] counts);

  /** Encodes a whole table, in its order. */
  FeatureBatch encodeAll(Attributes attributes);
}
