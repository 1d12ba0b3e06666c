package io.tandem.feature;

import io.tandem.config.FeatureSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
   * @param dropout probability of an example's rows being taken as out of the vocabulary while
   *     training
   * @param sequence the specification of a sequence, whose pooling may need more than its kind
   */
  public record Slot(
      String feature,
      TableShape table,
      FeatureSpec.Pooling pooling,
      double dropout,
      FeatureSpec.@Nullable Sequence sequence) {
    /** Neither dropped nor a sequence. */
    public Slot(String feature, TableShape table, FeatureSpec.Pooling pooling) {
      this(feature, table, pooling, 0, null);
    }
  }

  /**
   * An embedding table: [rows, dim].
   *
   * @param name unique over both towers
   * @param oovRows the first rows, for values out of the vocabulary: 0 until they are trained
   */
  public record TableShape(String name, int rows, int dim, int oovRows) {
    /** Without rows for values out of the vocabulary. */
    public TableShape(String name, int rows, int dim) {
      this(name, rows, dim, 0);
    }
  }
}
