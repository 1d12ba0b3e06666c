package io.tandem.feature;

import io.tandem.config.FeatureSpec;
import java.util.List;

/** The query's last items: rows of the item id table, oldest first. */
record SequenceEncoder(
    FeatureSpec.Sequence spec, Vocabulary vocabulary, InputSchema.TableShape table)
    implements Encoder {

  @Override
  public int denseWidth() {
    return 0;
  }

  @Override
  public InputSchema.Slot slot() {
    return new InputSchema.Slot(spec.name(), table, spec.pooling(), 0, spec);
  }

  @Override
  public void encode(FeatureValues values, FeatureBatch target, int slot) {
    List<String> items = values.list(spec.name());
    if (items != null) {
      for (int i = Math.max(0, items.size() - spec.maxLength()); i < items.size(); i++) {
        target.add(slot, vocabulary.row(items.get(i)));
      }
    }
    target.endSlot(slot);
  }

  @Override
  public boolean knows(FeatureValues values) {
    List<String> items = values.list(spec.name());
    return items != null && items.stream().anyMatch(vocabulary::knows);
  }

  /**
   * Appends the history of a context.
   *
   * @param rows table row by item number
   */
  void encode(QueryContext context, int[] rows, FeatureBatch target, int slot) {
    int from = Math.max(context.start(), context.end() - spec.maxLength());
    for (int i = from; i < context.end(); i++) {
      target.add(slot, rows[context.items()[i]]);
    }
    target.endSlot(slot);
  }
}
