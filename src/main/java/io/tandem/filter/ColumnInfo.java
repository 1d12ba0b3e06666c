package io.tandem.filter;

import io.tandem.config.FeatureSpec;
import io.tandem.data.Rows;
import io.tandem.feature.FeatureValues;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a column of item attributes holds for filters.
 *
 * @param separator between the values of a text; null where a text is one value
 * @param leftOut why the column cannot be filtered by; null where it can
 */
record ColumnInfo(String name, Kind kind, @Nullable String separator, @Nullable String leftOut) {

  /** What comparisons a column answers. */
  enum Kind {
    /** Texts: equality. */
    CATEGORIES,
    /** Numbers: equality and ranges. */
    NUMBERS,
    /** Seconds since 1970: equality and ranges. */
    TIMES
  }

  /** As the features read it, and where none does, as the data holds it. */
  static ColumnInfo of(String name, Rows.Column column, List<FeatureSpec> features) {
    Kind kind = Kind.CATEGORIES;
    if (column instanceof Rows.Column.Numbers) {
      kind = Kind.NUMBERS;
    } else if (column instanceof Rows.Column.Times) {
      kind = Kind.TIMES;
    }
    String separator = null;
    boolean category = false;
    boolean number = false;
    for (FeatureSpec feature : features) {
      if (feature instanceof FeatureSpec.Bag bag && bag.column().equals(name)) {
        separator = bag.separator();
      }
      category |= feature instanceof FeatureSpec.Id id && id.column().equals(name);
      number |= feature instanceof FeatureSpec.Numeric n && n.column().equals(name);
    }
    if (column instanceof Rows.Column.Text && number && !category && separator == null) {
      kind = Kind.NUMBERS;
    }
    return new ColumnInfo(name, kind, separator, null);
  }

  ColumnInfo without(String reason) {
    return new ColumnInfo(name, kind, separator, reason);
  }

  /** An item's texts, blank ones left out; empty where the value is missing. */
  List<String> texts(FeatureValues item) {
    List<String> list = item.list(name);
    if (list == null) {
      String text = item.text(name);
      if (text == null) {
        return List.of();
      }
      list = separator == null ? List.of(text) : split(text, separator);
    }
    List<String> texts = new ArrayList<>(list.size());
    for (String text : list) {
      String stripped = text.strip();
      if (!stripped.isEmpty()) {
        texts.add(stripped);
      }
    }
    return texts;
  }

  /** An item's number, or its time in seconds; NaN where it is missing. */
  double number(FeatureValues item) {
    if (kind == Kind.TIMES) {
      long time = item.time(name);
      return time == Long.MIN_VALUE ? Double.NaN : time;
    }
    return item.number(name) + 0.0;
  }

  private static List<String> split(String text, String separator) {
    List<String> parts = new ArrayList<>();
    int from = 0;
    for (int at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, from)) {
      parts.add(text.substring(from, at));
      from = at + separator.length();
    }
    parts.add(text.substring(from));
    return parts;
  }
}
