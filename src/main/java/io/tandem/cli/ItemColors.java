package io.tandem.cli;

import com.google.common.base.Splitter;
import io.tandem.artifact.ItemTexts;
import io.tandem.config.FeatureSpec;
import io.tandem.config.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * The attribute of items that colours their map.
 *
 * @param column its name
 * @param values of each item, by its row in the index; empty where there is none
 */
record ItemColors(String column, IntFunction<List<String>> values) {

  /** A column by its name. */
  static ItemColors of(String column, ModelSpec spec, ItemTexts texts) {
    int number = texts.columns().indexOf(column);
    if (number < 0) {
      throw new IllegalArgumentException(
          "--color-by: expected one of %s, found '%s'".formatted(texts.columns(), column));
    }
    Splitter bag = Splitter.on(separator(column, spec)).trimResults().omitEmptyStrings();
    // Values from list columns are joined by this one, whatever the specification says.
    Splitter list = Splitter.on('|').trimResults().omitEmptyStrings();
    return new ItemColors(
        column,
        row -> {
          List<String> values = new ArrayList<>();
          bag.split(texts.text(row, number)).forEach(each -> list.split(each).forEach(values::add));
          return values;
        });
  }

  /** The first categorical feature of the items that is stored; empty where there is none. */
  static Optional<ItemColors> first(ModelSpec spec, ItemTexts texts) {
    return spec.features().item().stream()
        .filter(feature -> feature instanceof FeatureSpec.Bag || feature instanceof FeatureSpec.Id)
        .map(ItemColors::column)
        .filter(texts.columns()::contains)
        .findFirst()
        .map(column -> of(column, spec, texts));
  }

  private static String separator(String column, ModelSpec spec) {
    for (FeatureSpec feature : spec.features().item()) {
      if (feature instanceof FeatureSpec.Bag bag && bag.column().equals(column)) {
        return bag.separator();
      }
    }
    return "|";
  }

  private static String column(FeatureSpec feature) {
    if (feature instanceof FeatureSpec.Bag bag) {
      return bag.column();
    }
    return feature instanceof FeatureSpec.Id id ? id.column() : feature.name();
  }
}
