package io.tandem.cli;

import com.google.common.base.Splitter;
import io.tandem.artifact.ItemTexts;
import io.tandem.config.FeatureSpec;
import io.tandem.config.ModelSpec;
import io.tandem.data.Dataset;
import io.tandem.feature.RowValues;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.Stream;

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
      throw noColumn(column, texts.columns());
    }
    return of(column, spec, row -> texts.text(row, number));
  }

  /** A column of a data set's items by its name. */
  static ItemColors of(String column, ModelSpec spec, Dataset dataset) {
    List<String> texts = new ArrayList<>();
    dataset
        .items()
        .forEachChunk(
            rows -> {
              if (!rows.columns().containsKey(column)) {
                throw noColumn(column, rows.columns().keySet().stream().sorted().toList());
              }
              RowValues values = new RowValues(rows, Set.of());
              for (int row = 0; row < rows.size(); row++) {
                List<String> list = values.at(row).list(column);
                String text = list == null ? values.text(column) : String.join("|", list);
                texts.add(text == null ? "" : text);
              }
            });
    return of(column, spec, texts::get);
  }

  /** The first categorical feature of the items that is an attribute; empty where none is. */
  static Optional<ItemColors> first(ModelSpec spec, Dataset dataset) {
    Set<String> columns = new HashSet<>();
    dataset.items().forEachChunk(rows -> columns.addAll(rows.columns().keySet()));
    return categorical(spec).filter(columns::contains).findFirst().map(c -> of(c, spec, dataset));
  }

  private static IllegalArgumentException noColumn(String column, List<String> columns) {
    return new IllegalArgumentException(
        "--color-by: expected one of %s, found '%s'".formatted(columns, column));
  }

  private static ItemColors of(String column, ModelSpec spec, IntFunction<String> texts) {
    Splitter bag = Splitter.on(separator(column, spec)).trimResults().omitEmptyStrings();
    // Values from list columns are joined by this one, whatever the specification says.
    Splitter list = Splitter.on('|').trimResults().omitEmptyStrings();
    return new ItemColors(
        column,
        row -> {
          List<String> values = new ArrayList<>();
          bag.split(texts.apply(row)).forEach(each -> list.split(each).forEach(values::add));
          return values;
        });
  }

  /** The first categorical feature of the items that is stored; empty where there is none. */
  static Optional<ItemColors> first(ModelSpec spec, ItemTexts texts) {
    return categorical(spec)
        .filter(texts.columns()::contains)
        .findFirst()
        .map(column -> of(column, spec, texts));
  }

  private static Stream<String> categorical(ModelSpec spec) {
    return spec.features().item().stream()
        .filter(feature -> feature instanceof FeatureSpec.Bag || feature instanceof FeatureSpec.Id)
        .map(ItemColors::column);
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
