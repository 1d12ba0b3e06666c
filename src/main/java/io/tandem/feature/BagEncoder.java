package io.tandem.feature;

import com.google.common.base.Splitter;
import io.tandem.config.FeatureSpec;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Several categories: the rows of its distinct values, none where the value is missing. */
record BagEncoder(FeatureSpec.Bag spec, Vocabulary vocabulary, InputSchema.TableShape table)
    implements Encoder {

  @Override
  public int denseWidth() {
    return 0;
  }

  @Override
  public InputSchema.Slot slot() {
    return Encoder.slot(spec.name(), table, spec.pooling());
  }

  @Override
  public void encode(FeatureValues values, FeatureBatch target, int slot) {
    for (String value : values(spec, values)) {
      target.add(slot, vocabulary.row(value));
    }
    target.endSlot(slot);
  }

  /** Of several values, one is enough. */
  @Override
  public boolean knows(FeatureValues values) {
    return values(spec, values).stream().anyMatch(vocabulary::knows);
  }

  /** Distinct values in order, trimmed, without empty ones. */
  static Set<String> values(FeatureSpec.Bag spec, FeatureValues values) {
    List<String> list = values.list(spec.column());
    Iterable<String> parts;
    if (list != null) {
      parts = list;
    } else {
      String text = values.text(spec.column());
      parts = text == null ? List.of() : Splitter.on(spec.separator()).split(text);
    }
    Set<String> distinct = new LinkedHashSet<>();
    for (String part : parts) {
      String trimmed = part.strip();
      if (!trimmed.isEmpty()) {
        distinct.add(trimmed);
      }
    }
    return distinct;
  }
}
