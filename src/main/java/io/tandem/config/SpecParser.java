package io.tandem.config;

import io.tandem.config.DataSpec.EntitySpec;
import io.tandem.config.DataSpec.InteractionsSpec;
import io.tandem.config.Section.Range;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads each section of a specification; every default stands here, at its key. */
final class SpecParser {
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
    ModelConfig model = ModelParser.model(root.section("model"), !root.has("features"));
    FeaturesSpec features =
        new FeatureParser(data, model).features(root.section("features"), root.has("features"));
    TrainingConfig training =
        new TrainingParser(data, features, model, !root.has("features"))
            .training(root.section("training"));
    IndexConfig index = IndexParser.index(root.sectionOr("index", "type"));
    RebuildConfig rebuild = RebuildParser.rebuild(root.section("rebuild"), index);
    TuneParser.tune(root.section("tune"));
    root.end();
    return new ModelSpec(name, data, features, model, training, index, rebuild);
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
              new SplitSpec.Random(
                  test(section),
                  validation(section),
                  section.number("cold_items", 0, Range.SHARE_BELOW_ONE),
                  section.seed("seed", 42));
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
}
