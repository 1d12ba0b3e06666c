package io.tandem.feature;

import io.tandem.data.Attributes;
import io.tandem.data.Rows;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The encoders of one side in their order, and the layout that follows from them. */
final class TowerInput implements ItemEncoder, QueryEncoder {
  private final List<Encoder> encoders;
  private final Set<String> keyColumns;
  private final RequiredColumns required;
  private final InputSchema schema;

  /**
   * @param keyColumns columns that hold the entity's key
   */
  TowerInput(List<Encoder> encoders, Set<String> keyColumns, RequiredColumns required) {
    this.required = required;
    this.encoders = List.copyOf(encoders);
    this.keyColumns = Set.copyOf(keyColumns);
    List<InputSchema.Slot> slots = new ArrayList<>();
    int dense = 0;
    for (Encoder encoder : encoders) {
      if (encoder.denseWidth() == 0) {
        slots.add(encoder.slot());
      }
      dense += encoder.denseWidth();
    }
    schema = new InputSchema(slots, dense);
  }

  List<Encoder> encoders() {
    return encoders;
  }

  Set<String> keyColumns() {
    return keyColumns;
  }

  InputSchema schema() {
    return schema;
  }

  @Override
  public void encode(FeatureValues values, FeatureBatch target) {
    int slot = 0;
    for (Encoder encoder : encoders) {
      encoder.encode(values, target, slot);
      slot += encoder.denseWidth() == 0 ? 1 : 0;
    }
    target.endRow();
  }

  @Override
  public void encode(Rows rows, FeatureBatch target) {
    required.requireIn(rows);
    RowValues values = new RowValues(rows, keyColumns);
    for (int row = 0; row < rows.size(); row++) {
      encode(values.at(row), target);
    }
  }

  @Override
  public void countUnknown(Rows rows, long[] counts) {
    RowValues values = new RowValues(rows, keyColumns);
    for (int row = 0; row < rows.size(); row++) {
      values.at(row);
      for (int feature = 0; feature < counts.length; feature++) {
        counts[feature] += encoders.get(feature).knows(values) ? 0 : 1;
      }
    }
  }

  @Override
  public FeatureBatch encodeAll(Attributes attributes) {
    FeatureBatch all = new FeatureBatch(schema);
    attributes.forEachChunk(rows -> encode(rows, all));
    return all;
  }
}
