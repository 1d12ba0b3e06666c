package io.tandem.config;

import io.tandem.config.DataSpec.EntitySpec;
import io.tandem.config.DataSpec.InteractionsSpec;
import io.tandem.config.Section.Range;
import io.tandem.config.TrainingConfig.AccidentalHits;
import io.tandem.config.TrainingConfig.Metric;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.config.TrainingConfig.SamplingCorrection;
import io.tandem.config.TrainingConfig.Schedule;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads each section of a specification; every default stands here, at its key. */
final class SpecParser {
  private static final int MAX_DIM = 1024;
  private static final Pattern METRIC = Pattern.compile("([a-z_]+)@([0-9]{1,6})");

  private final Path folder;

  /**
   * @param folder against which paths are resolved
   */
  SpecParser(Path folder) {
    this.folder = folder;
  }

  ModelSpec parse(Section root, String fileName) {
    String name = root.text("name", fileName);
    if (!name.matches("[A-Za-z0-9._-]+")) {
      root.problem("name", "letters, digits, '.', '_' and '-'", "'" + name + "'");
    }
    DataSpec data = data(root.section("data"));
    FeaturesSpec features = new FeatureParser(data).features(root.section("features"));
    ModelConfig model = model(root.section("model"));
    TrainingConfig training = training(root.section("training"));
    IndexConfig index = index(root.sectionOr("index", "type"));
    root.end();
    return new ModelSpec(name, data, features, model, training, index);
  }

  private DataSpec data(Section section) {
    Section interactions = section.section("interactions");
    SourceSpec source = source(interactions);
    InteractionsSpec spec =
        new InteractionsSpec(
            source,
            interactions.requiredText("query", "the column of queries"),
            interactions.requiredText("item", "the column of items"),
            interactions.optionalText("time"),
            interactions.optionalText("weight"));
    if (!spec.query().isEmpty() && spec.query().equals(spec.item())) {
      interactions.problem("item", "another column than the query's", "'" + spec.item() + "'");
    } else {
      for (String key : List.of("query", "item", "time", "weight")) {
        checkNamed(interactions, key, source);
      }
    }
    interactions.end();
    EntitySpec queries = entity(section, "queries");
    EntitySpec items = entity(section, "items");
    SplitSpec split = split(section.sectionOr("split", "type"), spec);
    section.end();
    return new DataSpec(spec, queries, items, split);
  }

  private @Nullable EntitySpec entity(Section data, String key) {
    if (!data.has(key)) {
      return null;
    }
    Section section = data.section(key);
    EntitySpec entity =
        new EntitySpec(source(section), section.requiredText("key", "the column of the key"));
    checkNamed(section, "key", entity.source());
    section.end();
    return entity;
  }

  /** A column of a file without a header must be among the names given; SQL may make others. */
  private static void checkNamed(Section section, String key, SourceSpec source) {
    String column = section.text(key, "");
    List<String> columns = source.columns();
    if (!column.isEmpty()
        && !columns.isEmpty()
        && source.sql() == null
        && !columns.contains(column)) {
      section.problem(key, "one of columns: " + String.join(", ", columns), "'" + column + "'");
    }
  }

  private SourceSpec source(Section section) {
    String path = section.optionalText("path");
    String jdbc = section.optionalText("jdbc");
    String sql = section.optionalText("sql");
    if ((path == null) == (jdbc == null)) {
      section.missing("path", "either a path or a jdbc URL" + (path == null ? "" : ", not both"));
    }
    if (jdbc != null && sql == null) {
      section.missing("sql", "a SELECT, since jdbc is given");
    }
    String encoding = section.text("encoding", "utf-8").toLowerCase(Locale.ROOT);
    if (!List.of("utf-8", "utf-16", "latin-1").contains(encoding)) {
      section.problem("encoding", "one of utf-8, utf-16, latin-1", "'" + encoding + "'");
    }
    List<String> columns = section.texts("columns", List.of());
    if (columns.stream().distinct().count() < columns.size()) {
      section.problem("columns", "each name once", String.join(", ", columns));
    }
    return new SourceSpec(
        path == null ? null : folder.resolve(path).normalize(),
        jdbc,
        sql,
        section.optionalText("where"),
        section.choice("format", SourceSpec.Format.AUTO),
        section.optionalText("delimiter"),
        columns,
        encoding);
  }

  private SplitSpec split(Section section, InteractionsSpec interactions) {
    String type =
        section.choice(
            "type", "leave_last_out", List.of("leave_last_out", "temporal", "random", "provided"));
    SplitSpec split =
        switch (type) {
          case "temporal" -> {
            if (interactions.time() == null) {
              section.problem("type", "data.interactions.time beside a temporal split", "none");
            }
            yield new SplitSpec.Temporal(test(section), validation(section));
          }
          case "random" ->
              new SplitSpec.Random(test(section), validation(section), section.seed("seed", 42));
          case "provided" -> provided(section, interactions);
          default -> new SplitSpec.LeaveLastOut();
        };
    if (split instanceof SplitSpec.Temporal temporal
        && temporal.test() + temporal.validation() >= 1) {
      section.problem("test", "test and validation together below 1", "more");
    }
    if (split instanceof SplitSpec.Random random && random.test() + random.validation() >= 1) {
      section.problem("test", "test and validation together below 1", "more");
    }
    section.end();
    return split;
  }

  private static double test(Section section) {
    return section.number("test", 0.2, Range.OPEN_SHARE);
  }

  private static double validation(Section section) {
    return section.number("validation", 0.1, Range.SHARE_BELOW_ONE);
  }

  private SplitSpec provided(Section section, InteractionsSpec interactions) {
    if (!section.has("test")) {
      section.missing("test", "the file of test interactions");
    }
    SourceSpec test =
        section.has("test") ? file(section, "test", interactions) : interactions.source();
    boolean share =
        !section.has("validation")
            || (section.isScalar("validation")
                && section.text("validation", "").matches("-?[0-9.][0-9.eE+-]*"));
    return new SplitSpec.Provided(
        test,
        share ? null : file(section, "validation", interactions),
        share ? validation(section) : 0,
        section.seed("seed", 42));
  }

  /**
   * A source of the same columns: its own section, or a path that is read as the interactions are.
   */
  private SourceSpec file(Section section, String key, InteractionsSpec interactions) {
    if (!section.isScalar(key)) {
      Section own = section.section(key);
      SourceSpec source = source(own);
      own.end();
      return source;
    }
    SourceSpec like = interactions.source();
    return new SourceSpec(
        folder.resolve(section.text(key, "")).normalize(),
        null,
        like.jdbc() == null ? like.sql() : null,
        like.where(),
        like.format(),
        like.delimiter(),
        like.columns(),
        like.encoding());
  }

  private static ModelConfig model(Section section) {
    String type = section.choice("type", "two_tower", List.of("two_tower", "popularity"));
    ModelConfig model =
        type.equals("popularity")
            ? new ModelConfig.Popularity()
            : new ModelConfig.TwoTower(
                section.integer("dim", 64, 1, MAX_DIM),
                section.integers("query_hidden", List.of(128), 1, 8192),
                section.integers("item_hidden", List.of(128), 1, 8192),
                section.choice("activation", ModelConfig.Activation.RELU),
                section.number("dropout", 0, Range.SHARE_BELOW_ONE),
                section.number("l2", 0, Range.NOT_NEGATIVE),
                section.flag("normalize", true));
    section.end();
    return model;
  }

  private static TrainingConfig training(Section section) {
    section.choice("loss", "in_batch_softmax", List.of("in_batch_softmax"));
    TrainingConfig config =
        new TrainingConfig(
            section.number("temperature", 0.1, Range.POSITIVE),
            section.flag("learn_temperature", false),
            samplingCorrection(section),
            section.choice("accidental_hits", AccidentalHits.MASK),
            section.integer("batch", 1024, 2, 1 << 20),
            section.integer("epochs", 30, 1, Integer.MAX_VALUE),
            optimizer(section.section("optimizer")),
            schedule(section.sectionOr("schedule", "type")),
            metric(section),
            section.integer("patience", 5, 0, Integer.MAX_VALUE),
            section.integer("validate_every", 1, 0, Integer.MAX_VALUE),
            section.integer("checkpoint_every", 1, 1, Integer.MAX_VALUE),
            section.integer("max_validation_queries", 2000, 1, Integer.MAX_VALUE),
            section.seed("seed", 42));
    section.end();
    return config;
  }

  private static SamplingCorrection samplingCorrection(Section section) {
    String text =
        section.choice(
            "sampling_correction", "exact", List.of("exact", "streaming", "none", "true", "false"));
    return switch (text) {
      case "streaming" -> SamplingCorrection.STREAMING;
      case "none", "false" -> SamplingCorrection.NONE;
      default -> SamplingCorrection.EXACT;
    };
  }

  private static Optimizer optimizer(Section section) {
    Optimizer.Dense dense = section.choice("dense", Optimizer.Dense.ADAM);
    Optimizer.Sparse sparse = section.choice("sparse", Optimizer.Sparse.ROWWISE_ADAGRAD);
    double rate = section.number("rate", 0, Range.POSITIVE);
    double denseRate = section.number("dense_rate", rate > 0 ? rate : 0.001, Range.POSITIVE);
    double sparseDefault = sparse == Optimizer.Sparse.ADAM ? 0.001 : 0.05;
    double sparseRate =
        section.number("sparse_rate", rate > 0 ? rate : sparseDefault, Range.POSITIVE);
    section.end();
    return new Optimizer(dense, sparse, denseRate, sparseRate);
  }

  private static Schedule schedule(Section section) {
    Schedule schedule =
        new Schedule(
            section.choice("type", Schedule.Shape.CONSTANT),
            section.number("warmup", 0, Range.SHARE_BELOW_ONE));
    section.end();
    return schedule;
  }

  private static Metric metric(Section section) {
    String text = section.text("metric", "recall@10").toLowerCase(Locale.ROOT);
    Matcher matcher = METRIC.matcher(text);
    if (matcher.matches() && !matcher.group(2).matches("0+")) {
      for (Metric.Kind kind : Metric.Kind.values()) {
        if (Section.name(kind).equals(matcher.group(1))) {
          return new Metric(kind, Integer.parseInt(matcher.group(2)));
        }
      }
    }
    section.problem(
        "metric",
        "recall, ndcg, mrr or hit_rate at a cut-off, such as recall@10",
        "'" + text + "'");
    return new Metric(Metric.Kind.RECALL, 10);
  }

  private static IndexConfig index(Section section) {
    IndexConfig.Type type = section.choice("type", IndexConfig.Type.AUTO);
    String factory = section.optionalText("factory");
    if (type == IndexConfig.Type.FACTORY && factory == null) {
      section.missing("factory", "a FAISS factory string, since type is factory");
    }
    if (type != IndexConfig.Type.FACTORY && factory != null) {
      section.problem("factory", "type: factory beside it", "type: " + Section.name(type));
    }
    IndexConfig index =
        new IndexConfig(
            type,
            factory,
            section.number("min_recall", 0.95, Range.SHARE_ABOVE_ZERO),
            section.integer("k", 100, 1, 1 << 20),
            section.integer("m", 32, 2, 256),
            section.integer("ef_construction", 200, 8, 1 << 16),
            section.integer("ef_search", 0, 0, 1 << 16));
    section.end();
    return index;
  }
}
