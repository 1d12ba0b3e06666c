package io.tandem.config;

import io.tandem.config.Section.Range;
import io.tandem.config.TrainingConfig.AccidentalHits;
import io.tandem.config.TrainingConfig.Examples;
import io.tandem.config.TrainingConfig.Examples.Horizon;
import io.tandem.config.TrainingConfig.Loss;
import io.tandem.config.TrainingConfig.Metric;
import io.tandem.config.TrainingConfig.Negatives;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.config.TrainingConfig.SamplingCorrection;
import io.tandem.config.TrainingConfig.Schedule;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads how a model is trained; defaults follow from the data, the features and the model. */
final class TrainingParser {
  private static final int MANY = 1 << 20;
  private static final int FARTHEST = 1000;
  private static final int MOST_DEVICES = 64;
  private static final Pattern METRIC = Pattern.compile("([a-z_]+)@([0-9]{1,6})");

  private final DataSpec data;
  private final FeaturesSpec features;
  private final ModelConfig model;
  private final boolean pureIds;

  /**
   * @param pureIds whether no features are given; defaults are then what did best by validation on
   *     several data sets of nothing but ids
   */
  TrainingParser(DataSpec data, FeaturesSpec features, ModelConfig model, boolean pureIds) {
    this.data = data;
    this.features = features;
    this.model = model;
    this.pureIds = pureIds;
  }

  TrainingConfig training(Section section) {
    Loss loss = loss(section);
    Examples examples = examples(section);
    // An epoch is a step for a few hundred queries, and not for as many interactions.
    boolean wholeQueries = pureIds && examples.row() == Examples.Row.QUERIES;
    TrainingConfig config =
        new TrainingConfig(
            loss,
            examples,
            section.number("temperature", temperature(), Range.POSITIVE),
            section.flag("learn_temperature", false),
            samplingCorrection(section),
            section.choice("accidental_hits", AccidentalHits.MASK),
            section.integer("batch", examples.row() == Examples.Row.QUERIES ? 256 : 1024, 2, MANY),
            section.integer("epochs", wholeQueries ? 300 : pureIds ? 60 : 30, 1, Integer.MAX_VALUE),
            optimizer(section.section("optimizer")),
            schedule(section.sectionOr("schedule", "type")),
            metric(section),
            section.integer("patience", wholeQueries ? 15 : 5, 0, Integer.MAX_VALUE),
            section.integer("validate_every", 1, 0, Integer.MAX_VALUE),
            section.flag("refit", trainingFileIsGiven()),
            section.integer("checkpoint_every", 1, 1, Integer.MAX_VALUE),
            section.integer("max_validation_queries", 2000, 1, Integer.MAX_VALUE),
            section.seed("seed", 42),
            section.choice("device", TrainingConfig.Device.AUTO),
            section.countOr("devices", "all", TrainingConfig.ALL_DEVICES, 1, MOST_DEVICES),
            section.choice("precision", TrainingConfig.Precision.TF32));
    if (config.device() == TrainingConfig.Device.CPU && config.devices() != 1) {
      section.problem("devices", "1 beside device: cpu", devices(config));
    } else if (config.devices() > config.batch()) {
      section.problem("devices", "at most batch, which is " + config.batch(), devices(config));
    }
    section.end();
    return config;
  }

  private static String devices(TrainingConfig config) {
    return config.devices() == TrainingConfig.ALL_DEVICES
        ? "'all'"
        : String.valueOf(config.devices());
  }

  /** Dot products of vectors that may have any length need no scale. */
  private double temperature() {
    ModelConfig.TwoTower towers = model.towers();
    if (towers != null && !towers.normalize()) {
      return 1;
    }
    return pureIds ? 0.15 : 0.1;
  }

  private Loss loss(Section section) {
    boolean dnn = model instanceof ModelConfig.SoftmaxDnn;
    Loss.Function kind =
        section.choice("loss", dnn ? Loss.Function.FULL_SOFTMAX : Loss.Function.IN_BATCH_SOFTMAX);
    boolean contrastive = kind == Loss.Function.COSINE_CONTRASTIVE;
    ModelConfig.TwoTower towers = model.towers();
    if (contrastive && towers != null && !towers.normalize()) {
      section.problem("loss", "model.normalize: true beside cosine_contrastive", "false");
    }
    Negatives negatives = Negatives.NONE;
    if (kind == Loss.Function.FULL_SOFTMAX) {
      if (section.has("negatives")) {
        section.section("negatives");
        section.problem("negatives", "none beside full_softmax, which has all items", "some");
      }
    } else {
      negatives = negatives(section, kind);
    }
    return new Loss(
        kind,
        negatives,
        contrastive ? 0 : section.number("label_smoothing", 0, Range.SHARE_BELOW_ONE),
        contrastive ? section.number("margin", 0.4, Range.SHARE_BELOW_ONE) : 0,
        contrastive ? section.number("negative_weight", 50, Range.POSITIVE) : 0);
  }

  private static Negatives negatives(Section training, Loss.Function kind) {
    boolean sampled = !kind.inBatch();
    Section section = training.section("negatives");
    Negatives negatives =
        new Negatives(
            section.integer("uniform", sampled && !training.has("negatives") ? 1024 : 0, 0, MANY),
            section.integer("frequency", 0, 0, MANY),
            section.integer("log_uniform", 0, 0, MANY),
            section.integer("queue", 0, 0, MANY),
            section.integer("hard", 0, 0, MANY),
            section.integer("hard_every", 100, 1, Integer.MAX_VALUE));
    section.end();
    if (sampled && negatives.uniform() + negatives.frequency() + negatives.logUniform() == 0) {
      training.problem(
          "negatives",
          "uniform, frequency or log_uniform above 0 beside "
              + kind.name().toLowerCase(Locale.ROOT),
          "none");
    }
    return negatives;
  }

  private Examples examples(Section section) {
    boolean causal =
        features.query().stream()
            .anyMatch(f -> f instanceof FeatureSpec.Sequence s && s.pooling().isNetwork());
    Examples.Context usual = naturalContext();
    boolean past = usual == Examples.Context.PAST;
    Examples.Row kind =
        section.choice(
            "examples",
            model instanceof ModelConfig.SoftmaxDnn || (pureIds && !past && !causal)
                ? Examples.Row.QUERIES
                : causal && past ? Examples.Row.POSITIONS : Examples.Row.INTERACTIONS);
    Examples.Context context =
        section.choice(
            "context",
            switch (kind) {
              case INTERACTIONS -> usual;
              case POSITIONS -> Examples.Context.PAST;
              case QUERIES -> Examples.Context.OTHERS;
            });
    if (kind == Examples.Row.POSITIONS && context == Examples.Context.OTHERS) {
      section.problem("context", "past beside examples: positions", "'others'");
    }
    if (kind == Examples.Row.QUERIES && context == Examples.Context.PAST) {
      section.problem("context", "others beside examples: queries", "'past'");
    }
    boolean others = kind == Examples.Row.INTERACTIONS && context == Examples.Context.OTHERS;
    double natural =
        kind == Examples.Row.QUERIES ? (pureIds ? 0.6 : 0.5) : pureIds && others ? 0.3 : 0;
    double dropout = section.number("history_dropout", natural, Range.SHARE_BELOW_ONE);
    if (kind == Examples.Row.POSITIONS && dropout > 0) {
      section.problem(
          "history_dropout", "0 beside examples: positions, which see every item", "more");
    }
    return new Examples(kind, context, dropout, horizon(section, kind));
  }

  private static Horizon horizon(Section training, Examples.Row kind) {
    if (!training.has("horizon")) {
      return Horizon.NEXT;
    }
    Section section = training.section("horizon");
    int from = section.integer("from", 1, 1, FARTHEST);
    Horizon horizon = new Horizon(from, section.integer("to", from, 1, FARTHEST));
    section.end();
    if (horizon.to() < from) {
      section.problem("to", "at least " + from + ", which is from", String.valueOf(horizon.to()));
      return Horizon.NEXT;
    }
    if (kind != Examples.Row.POSITIONS) {
      training.problem("horizon", "none but beside examples: positions", "one");
    }
    return horizon;
  }

  /** A training file that the user gave is meant to be trained on whole. */
  private boolean trainingFileIsGiven() {
    return data.split() instanceof SplitSpec.Provided provided
        && provided.validationSource() == null
        && provided.validation() > 0;
  }

  /** Held-out interactions of a split by time lie after the history, others among it. */
  private Examples.Context naturalContext() {
    boolean anyTime =
        data.split() instanceof SplitSpec.Random
            || (data.split() instanceof SplitSpec.Provided && data.interactions().time() == null);
    return anyTime ? Examples.Context.OTHERS : Examples.Context.PAST;
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

  private Optimizer optimizer(Section section) {
    Optimizer.Dense dense = section.choice("dense", Optimizer.Dense.ADAM);
    Optimizer.Sparse sparse = section.choice("sparse", Optimizer.Sparse.ROWWISE_ADAGRAD);
    double rate = section.number("rate", 0, Range.POSITIVE);
    double denseRate = section.number("dense_rate", rate > 0 ? rate : 0.001, Range.POSITIVE);
    double adagrad = pureIds ? 0.1 : 0.05;
    double sparseDefault = sparse == Optimizer.Sparse.ADAM ? 0.001 : adagrad;
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
        "recall, ndcg, mrr, hit_rate or accuracy at a cut-off, such as recall@10",
        "'" + text + "'");
    return new Metric(Metric.Kind.RECALL, 10);
  }
}
