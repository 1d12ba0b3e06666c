package io.tandem.feature;

import io.tandem.config.FeatureSpec;
import java.util.List;

/**
 * The query's last items: rows of the item id table, oldest first. Items out of the vocabulary are
 * left out: training met none, so their row would say something that no tower has learned to read.
 */
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
        int row = vocabulary.knownRow(items.get(i));
        if (row >= 0) {
          target.add(slot, row);
        }
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
   * @param rows table row by item number, below 0 for items to leave out
   */
  void encode(QueryContext context, int[] rows, FeatureBatch target, int slot) {
    int from = Math.max(context.start(), context.end() - spec.maxLength());
    for (int i = from; i < context.end(); i++) {
      int row = rows[context.items()[i]];
      if (row >= 0) {
        target.add(slot, row);
      }
    }
    target.endSlot(slot);
  }
}
