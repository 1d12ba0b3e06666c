package io.tandem.feature;

import io.tandem.config.FeatureSpec;
import io.tandem.data.DataException;
import io.tandem.data.Rows;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Columns that features read: a misspelt one must not pass for a column of missing values. */
final class RequiredColumns {
  private final String side;
  private final Map<String, String> featureByColumn = new LinkedHashMap<>();

  /**
   * @param side what messages call the table
   * @param given columns that every row has: its key, and the moment of an event
   */
  RequiredColumns(String side, List<FeatureSpec> features, Set<String> given) {
    this.side = side;
    for (FeatureSpec feature : features) {
      String column = column(feature);
      if (column != null && !given.contains(column)) {
        featureByColumn.putIfAbsent(column, feature.name());
      }
    }
  }

  /**
   * @throws DataException naming the column, its feature and the columns that exist
   */
  void requireIn(Rows rows) {
    featureByColumn.forEach(
        (column, feature) -> {
          if (!rows.columns().containsKey(column)) {
            throw new DataException(
                "%s: no column '%s' (the feature %s); the columns are %s"
                    .formatted(
                        side,
                        column,
                        feature,
                        String.join(", ", new TreeSet<>(rows.columns().keySet()))));
          }
        });
  }

  private static @Nullable String column(FeatureSpec feature) {
    if (feature instanceof FeatureSpec.Id id) {
      return id.column();
    }
    if (feature instanceof FeatureSpec.Bag bag) {
      return bag.column();
    }
    if (feature instanceof FeatureSpec.Numeric numeric) {
      return numeric.column();
    }
    if (feature instanceof FeatureSpec.Text text) {
      return text.column();
    }
    return feature instanceof FeatureSpec.Timestamp timestamp ? timestamp.column() : null;
  }
}
