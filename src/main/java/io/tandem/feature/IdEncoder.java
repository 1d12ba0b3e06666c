package io.tandem.feature;

import io.tandem.config.FeatureSpec;

/** One category: the row of its value. */
record IdEncoder(FeatureSpec.Id spec, Vocabulary vocabulary, InputSchema.TableShape table)
    implements Encoder {

  @Override
  public int denseWidth() {
    return 0;
  }

  @Override
  public InputSchema.Slot slot() {
    return new InputSchema.Slot(spec.name(), table, FeatureSpec.Pooling.MEAN, spec.dropout(), null);
  }

  @Override
  public void encode(FeatureValues values, FeatureBatch target, int slot) {
    target.add(slot, vocabulary.row(values.text(spec.column())));
    target.endSlot(slot);
  }

  @Override
  public boolean knows(FeatureValues values) {
    return vocabulary.knows(values.text(spec.column()));
  }
}
