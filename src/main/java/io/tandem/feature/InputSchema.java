package io.tandem.feature;

import io.tandem.config.FeatureSpec;
import java.util.List;

/**
 * What enters a tower: pooled embeddings slot by slot, then dense numbers. The tower's input row is
 * [slot 0 | slot 1 | … | dense], {@link #width()} floats.
 *
 * @param slots one for each feature that looks rows up in an embedding table
 * @param denseWidth floats that enter as they are
 */
public record InputSchema(List<Slot> slots, int denseWidth) {
  public InputSchema {
    slots = List.copyOf(slots);
  }

  /** Floats of an input row. */
  public int width() {
    int width = denseWidth;
    for (Slot slot : slots) {
      width += slot.table().dim();
    }
    return width;
  }

  /**
   * A feature's place in the input.
   *
   * @param feature its name
   * @param table where its rows are; slots of equal table share it
   */
  public record Slot(String feature, TableShape table, FeatureSpec.Pooling pooling) {}

  /**
   * An embedding table: [rows, dim]. The first rows are for values out of the vocabulary.
   *
   * @param name unique over both towers
   */
  public record TableShape(String name, int rows, int dim) {}
}
