package io.tandem.config;

import io.tandem.config.FeatureSpec.Pooling;
import io.tandem.config.FeatureSpec.Timestamp;
import io.tandem.config.FeatureSpec.Transform;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the features of both sides. */
final class FeatureParser {
  private static final int MAX_DIM = 1024;
  private static final int MAX_ROWS = 1 << 30;
  private static final List<String> TYPES =
      List.of("id", "categorical", "bag", "sequence", "numeric", "text", "timestamp");

  private final DataSpec data;
  private final List<Section> sequences = new ArrayList<>();

  FeatureParser(DataSpec data) {
    this.data = data;
  }

  /** Features; without any, the item's id and the query's history of items. */
  FeaturesSpec features(Section section) {
    List<FeatureSpec> item = section.has("item") ? side(section, "item") : List.of(defaultItemId());
    List<FeatureSpec> query =
        section.has("query") ? side(section, "query") : defaultHistory(section, item);
    checkSequences(item);
    section.end();
    return new FeaturesSpec(query, item);
  }

  private FeatureSpec defaultItemId() {
    return new FeatureSpec.Id(itemKey(), itemKey(), 64, 1, 1);
  }

  private List<FeatureSpec> defaultHistory(Section section, List<FeatureSpec> item) {
    for (FeatureSpec feature : item) {
      if (isItemId(feature)) {
        return List.of(new FeatureSpec.Sequence("history", feature.name(), 50, Pooling.MEAN));
      }
    }
    if (!item.isEmpty()) {
      section.missing("query", "query features, since no item feature is the item's id");
    }
    return List.of();
  }

  private List<FeatureSpec> side(Section section, String key) {
    List<FeatureSpec> features = new ArrayList<>();
    Set<String> names = new HashSet<>();
    List<Section> sections = section.sections(key);
    if (sections.isEmpty()) {
      section.problem(key, "a list of at least one feature", "none");
    }
    for (Section one : sections) {
      FeatureSpec feature = feature(one, key);
      if (feature != null && !names.add(feature.name())) {
        one.problem("name", "each name once on a side", "'" + feature.name() + "' again");
      } else if (feature != null) {
        features.add(feature);
      }
      one.end();
    }
    return features;
  }

  private @Nullable FeatureSpec feature(Section section, String side) {
    String type = section.choice("type", "", TYPES);
    if (!section.has("type")) {
      section.missing("type", "one of " + String.join(", ", TYPES));
    }
    String name = section.requiredText("name", "the feature's name");
    String column = type.equals("sequence") ? "" : section.text("column", name);
    return switch (type) {
      case "id", "categorical" ->
          new FeatureSpec.Id(name, column, dim(section, 32), minCount(section), oov(section));
      case "bag" ->
          new FeatureSpec.Bag(
              name,
              column,
              separator(section),
              dim(section, 16),
              minCount(section),
              oov(section),
              pooling(section));
      case "sequence" -> {
        if (side.equals("item")) {
          section.problem("type", "a sequence among query features only", "it on the item side");
        } else {
          sequences.add(section);
        }
        yield new FeatureSpec.Sequence(
            name,
            section.requiredText("of", "the name of an id feature of the item side"),
            section.integer("max_length", 50, 1, 1 << 20),
            pooling(section));
      }
      case "numeric" -> {
        Transform transform = section.choice("transform", Transform.STANDARDIZE);
        boolean buckets = transform == Transform.BUCKETIZE;
        yield new FeatureSpec.Numeric(
            name,
            column,
            transform,
            buckets ? section.integer("buckets", 10, 2, 1 << 16) : 0,
            buckets ? dim(section, 8) : 0);
      }
      case "text" ->
          new FeatureSpec.Text(
              name,
              column,
              section.integer("buckets", 10_000, 1, MAX_ROWS),
              dim(section, 16),
              section.integer("ngrams", 1, 1, 5));
      case "timestamp" -> new Timestamp(name, column, parts(section));
      default -> null;
    };
  }

  private static List<Timestamp.Part> parts(Section section) {
    List<Timestamp.Part> parts = new ArrayList<>();
    for (String text : section.texts("parts", List.of("hour", "weekday", "age"))) {
      switch (text.toLowerCase(Locale.ROOT)) {
        case "hour" -> parts.add(Timestamp.Part.HOUR);
        case "weekday" -> parts.add(Timestamp.Part.WEEKDAY);
        case "age" -> parts.add(Timestamp.Part.AGE);
        default -> section.problem("parts", "hour, weekday and age", "'" + text + "'");
      }
    }
    return parts;
  }

  private static int dim(Section section, int absent) {
    return section.integer("dim", absent, 1, MAX_DIM);
  }

  private static int minCount(Section section) {
    return section.integer("min_count", 1, 1, Integer.MAX_VALUE);
  }

  private static int oov(Section section) {
    return section.integer("oov_buckets", 1, 1, 1 << 20);
  }

  private static Pooling pooling(Section section) {
    return section.choice("pooling", Pooling.MEAN);
  }

  private static String separator(Section section) {
    String separator = section.text("separator", "|");
    if (separator.isEmpty()) {
      section.problem("separator", "at least one character", "none");
      return "|";
    }
    return separator;
  }

  private void checkSequences(List<FeatureSpec> item) {
    for (Section section : sequences) {
      String of = section.text("of", "");
      if (!of.isEmpty() && item.stream().noneMatch(f -> isItemId(f) && f.name().equals(of))) {
        section.problem(
            "of",
            "the name of an item feature of type id whose column is '%s'".formatted(itemKey()),
            "'" + of + "'");
      }
    }
  }

  private String itemKey() {
    return data.items() == null ? data.interactions().item() : data.items().key();
  }

  private boolean isItemId(FeatureSpec feature) {
    return feature instanceof FeatureSpec.Id id
        && (id.column().equals(itemKey()) || id.column().equals(data.interactions().item()));
  }
}
