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
  private static final List<Pooling> BAG_POOLINGS = List.of(Pooling.MEAN, Pooling.SUM);
  private static final List<Pooling> SEQUENCE_POOLINGS =
      List.of(
          Pooling.MEAN,
          Pooling.SUM,
          Pooling.RECENCY,
          Pooling.ATTENTION,
          Pooling.GRU,
          Pooling.TRANSFORMER);
  private static final List<String> TYPES =
      List.of("id", "categorical", "bag", "sequence", "numeric", "text", "timestamp");

  private final DataSpec data;
  private final ModelConfig model;
  private final List<Section> sequences = new ArrayList<>();

  FeatureParser(DataSpec data, ModelConfig model) {
    this.data = data;
    this.model = model;
  }

  /**
   * Features; without any, ids and the query's history.
   *
   * @param given whether the specification has the section
   */
  FeaturesSpec features(Section section, boolean given) {
    if (model instanceof ModelConfig.MatrixFactorization factors) {
      if (given) {
        section.problem("query", "no features beside matrix_factorization, which has none", "some");
      }
      return factorFeatures(factors);
    }
    List<FeatureSpec> item = section.has("item") ? side(section, "item") : List.of(itemId());
    List<FeatureSpec> query =
        section.has("query")
            ? side(section, "query")
            : defaultQuery(section, item, given ? List.of() : List.of(queryId()));
    checkSequences(item);
    FeaturesSpec features = new FeaturesSpec(query, item);
    checkSoftmaxWeights(section, item);
    checkSums(section, features);
    section.end();
    return features;
  }

  /** ALS needs no query vectors: ridge regression on a history gives the one that it trained. */
  private FeaturesSpec factorFeatures(ModelConfig.MatrixFactorization factors) {
    FeatureSpec.Id item = itemId();
    FeatureSpec query =
        factors.solver() == ModelConfig.MatrixFactorization.Solver.ALS
            ? new FeatureSpec.Sequence("history", item.name(), MAX_ROWS, Pooling.FOLD_IN)
            : queryId();
    return new FeaturesSpec(List.of(query), List.of(item));
  }

  private FeatureSpec.Id itemId() {
    return new FeatureSpec.Id(itemKey(), itemKey(), dim(), 1, 1);
  }

  /** Dropped now and then, so that an unknown query gets the vector of an average one. */
  private FeatureSpec.Id queryId() {
    String key = data.queries() == null ? data.interactions().query() : data.queries().key();
    return new FeatureSpec.Id(key, key, dim(), 1, 1, 0.1);
  }

  private int dim() {
    if (model instanceof ModelConfig.MatrixFactorization factors) {
      return factors.dim();
    }
    ModelConfig.TwoTower towers = model.towers();
    return towers == null ? 64 : towers.dim();
  }

  private List<FeatureSpec> defaultQuery(
      Section section, List<FeatureSpec> item, List<FeatureSpec> before) {
    for (FeatureSpec feature : item) {
      if (isItemId(feature)) {
        List<FeatureSpec> query = new ArrayList<>(before);
        query.add(new FeatureSpec.Sequence("history", feature.name(), 50, Pooling.MEAN));
        return query;
      }
    }
    if (!item.isEmpty()) {
      section.missing("query", "query features, since no item feature is the item's id");
    }
    return List.of();
  }

  /** The items of a softmax DNN have their row of V and nothing else. */
  private void checkSoftmaxWeights(Section section, List<FeatureSpec> item) {
    if (model instanceof ModelConfig.SoftmaxDnn dnn) {
      boolean weights =
          item.size() == 1
              && item.get(0) instanceof FeatureSpec.Id id
              && isItemId(id)
              && id.dim() == dnn.dim();
      if (!weights) {
        section.problem(
            "item",
            "nothing, or the item's id with dim %d, beside softmax_dnn".formatted(dnn.dim()),
            "other features");
      }
    }
  }

  private void checkSums(Section section, FeaturesSpec features) {
    ModelConfig.TwoTower towers = model.towers();
    if (towers != null && towers.queryCombine() == ModelConfig.Combine.SUM) {
      checkSum(section, "query", features.query(), features);
    }
    if (towers != null && towers.itemCombine() == ModelConfig.Combine.SUM) {
      checkSum(section, "item", features.item(), features);
    }
  }

  private static void checkSum(
      Section section, String side, List<FeatureSpec> summed, FeaturesSpec features) {
    Set<Integer> widths = new HashSet<>();
    summed.forEach(feature -> widths.add(width(feature, features)));
    if (widths.size() > 1 || widths.contains(0)) {
      section.problem(
          side,
          "embeddings of one width and no plain numbers, since they are combined by sum",
          "widths " + widths.stream().sorted().map(w -> w == 0 ? "none" : "" + w).toList());
    }
  }

  /** Width of a feature's embedding; 0 where it gives plain numbers. */
  private static int width(FeatureSpec feature, FeaturesSpec features) {
    if (feature instanceof FeatureSpec.Id id) {
      return id.dim();
    }
    if (feature instanceof FeatureSpec.Bag bag) {
      return bag.dim();
    }
    if (feature instanceof FeatureSpec.Text text) {
      return text.dim();
    }
    if (feature instanceof FeatureSpec.Numeric numeric) {
      return numeric.dim();
    }
    if (feature instanceof FeatureSpec.Sequence sequence) {
      for (FeatureSpec item : features.item()) {
        if (item instanceof FeatureSpec.Id id && id.name().equals(sequence.of())) {
          return id.dim();
        }
      }
    }
    return 0;
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
          new FeatureSpec.Id(
              name,
              column,
              dim(section, 32),
              minCount(section),
              oov(section),
              section.number("dropout", 0, Section.Range.SHARE_BELOW_ONE));
      case "bag" ->
          new FeatureSpec.Bag(
              name,
              column,
              separator(section),
              dim(section, 16),
              minCount(section),
              oov(section),
              section.choice("pooling", Pooling.MEAN, BAG_POOLINGS));
      case "sequence" -> {
        if (side.equals("item")) {
          section.problem("type", "a sequence among query features only", "it on the item side");
        } else {
          sequences.add(section);
        }
        yield sequence(section, name);
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

  private static FeatureSpec sequence(Section section, String name) {
    Pooling pooling = section.choice("pooling", Pooling.MEAN, SEQUENCE_POOLINGS);
    boolean stacked = pooling == Pooling.GRU || pooling == Pooling.TRANSFORMER;
    return new FeatureSpec.Sequence(
        name,
        section.requiredText("of", "the name of an id feature of the item side"),
        section.integer("max_length", 50, 1, 1 << 20),
        pooling,
        pooling == Pooling.RECENCY
            ? section.number("decay", FeatureSpec.Sequence.DECAY, Section.Range.SHARE_ABOVE_ZERO)
            : 0,
        pooling.isNetwork()
            ? section.integer("layers", pooling == Pooling.TRANSFORMER ? 2 : 1, 1, stacked ? 32 : 1)
            : 0,
        pooling.isNetwork()
            ? section.integer("heads", 1, 1, pooling == Pooling.TRANSFORMER ? 64 : 1)
            : 0,
        pooling.isNetwork()
            ? section.number(
                "dropout", pooling == Pooling.TRANSFORMER ? 0.2 : 0, Section.Range.SHARE_BELOW_ONE)
            : 0);
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
      int heads = section.integer("heads", 1, 1, Integer.MAX_VALUE);
      for (FeatureSpec feature : item) {
        if (feature instanceof FeatureSpec.Id id && id.name().equals(of) && id.dim() % heads != 0) {
          section.problem(
              "heads", "a divisor of the width %d of %s".formatted(id.dim(), of), "" + heads);
        }
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
