package io.tandem.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A specification as the tree of maps, lists and plain values that its YAML shows. Lists are
 * copied: YAML would show one that stands in two places as an alias.
 */
final class SpecWriter {
  private SpecWriter() {}

  static Map<String, Object> tree(ModelSpec spec) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("name", spec.name());
    tree.put("data", data(spec.data()));
    if (!(spec.model() instanceof ModelConfig.MatrixFactorization)) {
      Map<String, Object> features = new LinkedHashMap<>();
      features.put("query", spec.features().query().stream().map(SpecWriter::feature).toList());
      features.put("item", spec.features().item().stream().map(SpecWriter::feature).toList());
      tree.put("features", features);
    }
    tree.put("model", model(spec.model()));
    tree.put("training", training(spec.training()));
    tree.put("index", index(spec.index()));
    tree.put("rebuild", rebuild(spec.rebuild()));
    return tree;
  }

  private static Map<String, Object> data(DataSpec data) {
    Map<String, Object> tree = new LinkedHashMap<>();
    Map<String, Object> interactions = source(data.interactions().source());
    interactions.put("query", data.interactions().query());
    interactions.put("item", data.interactions().item());
    putIfPresent(interactions, "time", data.interactions().time());
    putIfPresent(interactions, "weight", data.interactions().weight());
    tree.put("interactions", interactions);
    putIfPresent(tree, "queries", entity(data.queries()));
    putIfPresent(tree, "items", entity(data.items()));
    tree.put("split", split(data.split()));
    return tree;
  }

  private static @Nullable Map<String, Object> entity(DataSpec.@Nullable EntitySpec entity) {
    if (entity == null) {
      return null;
    }
    Map<String, Object> tree = source(entity.source());
    tree.put("key", entity.key());
    return tree;
  }

  private static Map<String, Object> source(SourceSpec source) {
    Map<String, Object> tree = new LinkedHashMap<>();
    putIfPresent(tree, "path", source.path() == null ? null : source.path().toString());
    putIfPresent(tree, "jdbc", source.jdbc());
    putIfPresent(tree, "sql", source.sql());
    putIfPresent(tree, "where", source.where());
    tree.put("format", Section.name(source.format()));
    putIfPresent(tree, "delimiter", source.delimiter());
    if (!source.columns().isEmpty()) {
      tree.put("columns", new ArrayList<>(source.columns()));
    }
    tree.put("encoding", source.encoding());
    return tree;
  }

  private static Map<String, Object> split(SplitSpec split) {
    Map<String, Object> tree = new LinkedHashMap<>();
    if (split instanceof SplitSpec.Temporal temporal) {
      tree.put("type", "temporal");
      tree.put("test", temporal.test());
      tree.put("validation", temporal.validation());
    } else if (split instanceof SplitSpec.Random random) {
      tree.put("type", "random");
      tree.put("test", random.test());
      tree.put("validation", random.validation());
      tree.put("cold_items", random.coldItems());
      tree.put("seed", random.seed());
    } else if (split instanceof SplitSpec.Provided provided) {
      tree.put("type", "provided");
      tree.put("test", source(provided.test()));
      tree.put(
          "validation",
          provided.validationSource() == null
              ? provided.validation()
              : source(provided.validationSource()));
      tree.put("seed", provided.seed());
    } else {
      tree.put("type", "leave_last_out");
    }
    return tree;
  }

  private static Map<String, Object> feature(FeatureSpec feature) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("name", feature.name());
    if (feature instanceof FeatureSpec.Id id) {
      tree.put("type", "id");
      tree.put("column", id.column());
      tree.put("dim", id.dim());
      tree.put("min_count", id.minCount());
      tree.put("oov_buckets", id.oovBuckets());
      tree.put("dropout", id.dropout());
    } else if (feature instanceof FeatureSpec.Bag bag) {
      tree.put("type", "bag");
      tree.put("column", bag.column());
      tree.put("separator", bag.separator());
      tree.put("dim", bag.dim());
      tree.put("min_count", bag.minCount());
      tree.put("oov_buckets", bag.oovBuckets());
      tree.put("pooling", Section.name(bag.pooling()));
    } else if (feature instanceof FeatureSpec.Sequence sequence) {
      tree.put("type", "sequence");
      tree.put("of", sequence.of());
      tree.put("max_length", sequence.maxLength());
      tree.put("pooling", Section.name(sequence.pooling()));
      if (sequence.pooling() == FeatureSpec.Pooling.RECENCY) {
        tree.put("decay", sequence.decay());
      }
      if (sequence.pooling().isNetwork()) {
        tree.put("layers", sequence.layers());
        tree.put("heads", sequence.heads());
        tree.put("dropout", sequence.dropout());
      }
    } else if (feature instanceof FeatureSpec.Numeric numeric) {
      tree.put("type", "numeric");
      tree.put("column", numeric.column());
      tree.put("transform", Section.name(numeric.transform()));
      if (numeric.transform() == FeatureSpec.Transform.BUCKETIZE) {
        tree.put("buckets", numeric.buckets());
        tree.put("dim", numeric.dim());
      }
    } else if (feature instanceof FeatureSpec.Text text) {
      tree.put("type", "text");
      tree.put("column", text.column());
      tree.put("buckets", text.buckets());
      tree.put("dim", text.dim());
      tree.put("ngrams", text.ngrams());
    } else if (feature instanceof FeatureSpec.Timestamp timestamp) {
      tree.put("type", "timestamp");
      tree.put("column", timestamp.column());
      List<String> parts = new ArrayList<>();
      timestamp.parts().forEach(part -> parts.add(part.name().toLowerCase(Locale.ROOT)));
      tree.put("parts", parts);
    }
    return tree;
  }

  private static Map<String, Object> model(ModelConfig model) {
    Map<String, Object> tree = new LinkedHashMap<>();
    if (model instanceof ModelConfig.Popularity popularity) {
      tree.put("type", "popularity");
      tree.put("half_life_days", popularity.halfLifeDays());
    } else if (model instanceof ModelConfig.MatrixFactorization factors) {
      tree.put("type", "matrix_factorization");
      tree.put("solver", Section.name(factors.solver()));
      tree.put("dim", factors.dim());
      if (factors.solver() == ModelConfig.MatrixFactorization.Solver.ALS) {
        tree.put("sweeps", factors.sweeps());
        tree.put("unobserved_weight", factors.unobservedWeight());
        tree.put("regularization", factors.regularization());
        tree.put("regularization_exponent", factors.regularizationExponent());
      }
    } else if (model instanceof ModelConfig.SoftmaxDnn dnn) {
      tree.put("type", "softmax_dnn");
      tree.put("dim", dnn.dim());
      tree.put("hidden", new ArrayList<>(dnn.hidden()));
      tree.put("combine", Section.name(dnn.combine()));
      tree.put("activation", Section.name(dnn.activation()));
      tree.put("dropout", dnn.dropout());
      tree.put("l2", dnn.l2());
      tree.put("normalize", dnn.normalize());
    } else if (model instanceof ModelConfig.TwoTower towers) {
      tree.put("type", "two_tower");
      tree.put("dim", towers.dim());
      tree.put("query_hidden", new ArrayList<>(towers.queryHidden()));
      tree.put("item_hidden", new ArrayList<>(towers.itemHidden()));
      tree.put("query_combine", Section.name(towers.queryCombine()));
      tree.put("item_combine", Section.name(towers.itemCombine()));
      tree.put("activation", Section.name(towers.activation()));
      tree.put("dropout", towers.dropout());
      tree.put("l2", towers.l2());
      tree.put("normalize", towers.normalize());
    }
    return tree;
  }

  private static Map<String, Object> training(TrainingConfig training) {
    Map<String, Object> tree = new LinkedHashMap<>();
    loss(training.loss(), tree);
    tree.put("examples", Section.name(training.examples().row()));
    tree.put("context", Section.name(training.examples().context()));
    tree.put("history_dropout", training.examples().historyDropout());
    if (training.examples().row() == TrainingConfig.Examples.Row.POSITIONS) {
      Map<String, Object> horizon = new LinkedHashMap<>();
      horizon.put("from", training.examples().horizon().from());
      horizon.put("to", training.examples().horizon().to());
      tree.put("horizon", horizon);
    }
    tree.put("temperature", training.temperature());
    tree.put("learn_temperature", training.learnTemperature());
    tree.put("sampling_correction", Section.name(training.samplingCorrection()));
    tree.put("accidental_hits", Section.name(training.accidentalHits()));
    tree.put("batch", training.batch());
    tree.put("epochs", training.epochs());
    Map<String, Object> optimizer = new LinkedHashMap<>();
    optimizer.put("dense", Section.name(training.optimizer().dense()));
    optimizer.put("sparse", Section.name(training.optimizer().sparse()));
    optimizer.put("dense_rate", training.optimizer().denseRate());
    optimizer.put("sparse_rate", training.optimizer().sparseRate());
    tree.put("optimizer", optimizer);
    Map<String, Object> schedule = new LinkedHashMap<>();
    schedule.put("type", Section.name(training.schedule().shape()));
    schedule.put("warmup", training.schedule().warmup());
    tree.put("schedule", schedule);
    tree.put("metric", Section.name(training.metric().kind()) + "@" + training.metric().k());
    tree.put("patience", training.patience());
    tree.put("validate_every", training.validateEvery());
    tree.put("refit", training.refit());
    tree.put("checkpoint_every", training.checkpointEvery());
    tree.put("max_validation_queries", training.maxValidationQueries());
    tree.put("seed", training.seed());
    tree.put("device", Section.name(training.device()));
    tree.put(
        "devices", training.devices() == TrainingConfig.ALL_DEVICES ? "all" : training.devices());
    tree.put("precision", Section.name(training.precision()));
    return tree;
  }

  private static void loss(TrainingConfig.Loss loss, Map<String, Object> tree) {
    tree.put("loss", Section.name(loss.function()));
    if (loss.function() != TrainingConfig.Loss.Function.FULL_SOFTMAX) {
      TrainingConfig.Negatives negatives = loss.negatives();
      Map<String, Object> drawn = new LinkedHashMap<>();
      drawn.put("uniform", negatives.uniform());
      drawn.put("frequency", negatives.frequency());
      drawn.put("log_uniform", negatives.logUniform());
      drawn.put("queue", negatives.queue());
      drawn.put("hard", negatives.hard());
      drawn.put("hard_every", negatives.hardEvery());
      tree.put("negatives", drawn);
    }
    if (loss.function() == TrainingConfig.Loss.Function.COSINE_CONTRASTIVE) {
      tree.put("margin", loss.margin());
      tree.put("negative_weight", loss.negativeWeight());
    } else {
      tree.put("label_smoothing", loss.labelSmoothing());
    }
  }

  private static Map<String, Object> index(IndexConfig index) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("type", Section.name(index.type()));
    tree.put("metric", Section.name(index.metric()));
    putIfPresent(tree, "factory", index.factory());
    tree.put("pca", index.pca());
    tree.put("opq", index.opq());
    tree.put("min_recall", index.minRecall());
    tree.put("k", index.k());
    tree.put("memory_limit", index.memoryLimit());
    tree.put("m", index.graph().m());
    tree.put("ef_construction", index.graph().efConstruction());
    tree.put("ef_search", index.graph().efSearch());
    tree.put("lists", index.lists().count());
    tree.put("nprobe", index.lists().nprobe());
    tree.put("over_fetch", index.lists().overFetch());
    return tree;
  }

  private static Map<String, Object> rebuild(RebuildConfig rebuild) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("keep", rebuild.keep());
    tree.put("probes", rebuild.probes());
    tree.put("k", rebuild.k());
    tree.put("max_queries", rebuild.maxQueries());
    tree.put("reproducible", rebuild.reproducible());
    RebuildConfig.Gates limits = rebuild.gates();
    Map<String, Object> gates = new LinkedHashMap<>();
    gates.put("min_size", limits.minSize());
    gates.put("max_size", limits.maxSize());
    gates.put("max_missing", limits.maxMissing());
    gates.put("max_zero", limits.maxZero());
    gates.put("max_equal", limits.maxEqual());
    gates.put("max_norm_drift", limits.maxNormDrift());
    gates.put("min_dimensions", limits.minDimensions());
    gates.put("min_index_recall", limits.minIndexRecall());
    gates.put("max_quality_drop", limits.maxQualityDrop());
    gates.put("min_overlap", limits.minOverlap());
    gates.put("max_p99_millis", limits.maxP99Millis());
    tree.put("gates", gates);
    return tree;
  }

  private static void putIfPresent(Map<String, Object> tree, String key, @Nullable Object value) {
    if (value != null) {
      tree.put(key, value);
    }
  }
}
