package io.tandem.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.tandem.config.DataSpec.EntitySpec;
import io.tandem.config.DataSpec.InteractionsSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

final class SpecRoundTripTest {
  @Property(tries = 200)
  void writtenSpecificationsReadAsTheyWere(@ForAll("specs") ModelSpec spec) throws IOException {
    Path file = Files.createTempFile("spec", ".yaml");
    try {
      Files.writeString(file, SpecReader.write(spec));

      assertThat(SpecReader.read(file, Map.of())).isEqualTo(spec);
    } finally {
      Files.delete(file);
    }
  }

  @Provide
  Arbitrary<ModelSpec> specs() {
    return Combinators.combine(
            names(), data(), features(), models(), training(), indexes(), rebuilds())
        .as(ModelSpec::new)
        .filter(SpecRoundTripTest::fitsTogether);
  }

  /** Cosines are of vectors of length 1. */
  private static boolean fitsTogether(ModelSpec spec) {
    ModelConfig.TwoTower towers = spec.model().towers();
    return towers == null
        || towers.normalize()
        || spec.training().loss().function() != TrainingConfig.Loss.Function.COSINE_CONTRASTIVE;
  }

  private static Arbitrary<String> names() {
    return Arbitraries.strings().withChars("abcXYZ019._-").ofMinLength(1).ofMaxLength(12);
  }

  /** Texts that YAML would take for something else are among them. */
  private static Arbitrary<String> texts() {
    return Arbitraries.oneOf(
        Arbitraries.of(
            "true", "no", "null", "~", "1", "1e3", "- a", "{a}", "#", "'", "\"", "a: b", "é\u2028",
            "😀"),
        Arbitraries.strings()
            .withCharRange(' ', '~')
            .withCharRange('\u00a0', '\ud7ff')
            .withChars('\t', '\n')
            .ofMinLength(1)
            .ofMaxLength(8));
  }

  private static Arbitrary<DataSpec> data() {
    Arbitrary<InteractionsSpec> interactions =
        Combinators.combine(sources(), texts().injectNull(0.5))
            .as((source, weight) -> new InteractionsSpec(source, "q", "item", "t", weight))
            .filter(spec -> spec.source().columns().isEmpty() || spec.source().sql() != null);
    Arbitrary<EntitySpec> entities =
        Combinators.combine(sources(), Arbitraries.just("item"))
            .as(EntitySpec::new)
            .filter(spec -> spec.source().columns().isEmpty() || spec.source().sql() != null);
    return Combinators.combine(
            interactions, entities.injectNull(0.5), entities.injectNull(0.5), splits())
        .as(DataSpec::new);
  }

  private static Arbitrary<SourceSpec> sources() {
    Arbitrary<String> delimiters = Arbitraries.of(",", "\t", "|", "::").injectNull(0.5);
    Arbitrary<List<String>> columns = texts().list().uniqueElements().ofMaxSize(3);
    Arbitrary<SourceSpec> files =
        Combinators.combine(
                names(),
                texts().injectNull(0.5),
                texts().injectNull(0.5),
                Arbitraries.of(SourceSpec.Format.class),
                delimiters,
                columns,
                Arbitraries.of("utf-8", "utf-16", "latin-1"))
            .as(
                (name, sql, where, format, delimiter, names, encoding) ->
                    new SourceSpec(
                        Path.of("/data", name).normalize(),
                        null,
                        sql,
                        where,
                        format,
                        delimiter,
                        names,
                        encoding));
    Arbitrary<SourceSpec> databases =
        Combinators.combine(texts(), texts(), texts().injectNull(0.5))
            .as(
                (url, sql, where) ->
                    new SourceSpec(
                        null, url, sql, where, SourceSpec.Format.AUTO, null, List.of(), "utf-8"));
    return Arbitraries.oneOf(files, databases);
  }

  private static Arbitrary<SplitSpec> splits() {
    Arbitrary<Double> tests = Arbitraries.doubles().between(0.01, 0.4);
    Arbitrary<Double> validations = Arbitraries.doubles().between(0, 0.5);
    Arbitrary<Long> seeds = Arbitraries.longs();
    return Arbitraries.oneOf(
        Arbitraries.just(new SplitSpec.LeaveLastOut()),
        Combinators.combine(tests, validations).as(SplitSpec.Temporal::new),
        Combinators.combine(tests, validations, tests, seeds).as(SplitSpec.Random::new),
        Combinators.combine(sources(), validations, seeds)
            .as((test, share, seed) -> new SplitSpec.Provided(test, null, share, seed)),
        Combinators.combine(sources(), sources(), seeds)
            .as((test, validation, seed) -> new SplitSpec.Provided(test, validation, 0, seed)));
  }

  private static Arbitrary<FeaturesSpec> features() {
    Arbitrary<Integer> small = Arbitraries.integers().between(1, 1024);
    Arbitrary<String> columns = texts();
    Arbitrary<FeatureSpec.Pooling> poolings =
        Arbitraries.of(FeatureSpec.Pooling.MEAN, FeatureSpec.Pooling.SUM);
    Arbitrary<FeatureSpec> any =
        Arbitraries.oneOf(
            Combinators.combine(columns, small, small, small, Arbitraries.doubles().between(0, 0.9))
                .as(
                    (column, dim, count, oov, dropout) ->
                        new FeatureSpec.Id("id", column, dim, count, oov, dropout)),
            Combinators.combine(columns, texts(), small, small, small, poolings)
                .as(
                    (column, separator, dim, count, oov, pooling) ->
                        new FeatureSpec.Bag("bag", column, separator, dim, count, oov, pooling)),
            Combinators.combine(columns, Arbitraries.of(FeatureSpec.Transform.class), small)
                .as(SpecRoundTripTest::numeric),
            Combinators.combine(columns, small, small, Arbitraries.integers().between(1, 5))
                .as(
                    (column, buckets, dim, ngrams) ->
                        new FeatureSpec.Text("text", column, buckets, dim, ngrams)),
            Combinators.combine(
                    columns,
                    Arbitraries.of(FeatureSpec.Timestamp.Part.class)
                        .list()
                        .uniqueElements()
                        .ofMinSize(1))
                .as((column, parts) -> new FeatureSpec.Timestamp("time", column, parts)));
    Arbitrary<List<FeatureSpec>> sides =
        any.list().ofMinSize(1).ofMaxSize(4).uniqueElements(FeatureSpec::name);
    return Combinators.combine(sides, sides, sequences())
        .as(
            (query, item, sequence) -> {
              List<FeatureSpec> queries = new ArrayList<>(query);
              queries.add(sequence);
              List<FeatureSpec> items = new ArrayList<>(item);
              items.add(new FeatureSpec.Id("key", "item", 8, 1, 1));
              return new FeaturesSpec(queries, items);
            });
  }

  private static Arbitrary<FeatureSpec.Sequence> sequences() {
    return Combinators.combine(
            Arbitraries.integers().between(1, 1024),
            Arbitraries.of(FeatureSpec.Pooling.class)
                .filter(pooling -> pooling != FeatureSpec.Pooling.FOLD_IN),
            Arbitraries.doubles().between(0.1, 1),
            Arbitraries.integers().between(1, 8))
        .as(
            (length, pooling, share, layers) -> {
              boolean network = pooling.isNetwork();
              boolean attention = pooling == FeatureSpec.Pooling.ATTENTION;
              return new FeatureSpec.Sequence(
                  "seen",
                  "key",
                  length,
                  pooling,
                  pooling == FeatureSpec.Pooling.RECENCY ? share : 0,
                  network ? (attention ? 1 : layers) : 0,
                  network ? (pooling == FeatureSpec.Pooling.TRANSFORMER ? 4 : 1) : 0,
                  network ? share / 2 : 0);
            });
  }

  private static FeatureSpec numeric(String column, FeatureSpec.Transform transform, int size) {
    boolean buckets = transform == FeatureSpec.Transform.BUCKETIZE;
    return new FeatureSpec.Numeric(
        "number", column, transform, buckets ? size + 1 : 0, buckets ? size : 0);
  }

  private static Arbitrary<ModelConfig> models() {
    Arbitrary<List<Integer>> hidden = Arbitraries.integers().between(1, 8192).list().ofMaxSize(3);
    return Arbitraries.oneOf(
        Arbitraries.doubles().between(0, 100).map(ModelConfig.Popularity::new),
        Combinators.combine(
                Arbitraries.integers().between(1, 1024),
                hidden,
                hidden,
                Arbitraries.of(ModelConfig.Activation.class),
                Arbitraries.doubles().between(0, 0.99),
                Arbitraries.doubles().between(0, 10),
                Arbitraries.of(true, false))
            .as(
                (dim, query, item, activation, dropout, l2, normalize) ->
                    new ModelConfig.TwoTower(
                        dim,
                        query,
                        item,
                        ModelConfig.Combine.CONCAT,
                        ModelConfig.Combine.CONCAT,
                        activation,
                        dropout,
                        l2,
                        normalize)));
  }

  private static Arbitrary<TrainingConfig> training() {
    Arbitrary<Double> rates = Arbitraries.doubles().between(1e-6, 10).ofScale(6);
    Arbitrary<Integer> counts = Arbitraries.integers().between(1, Integer.MAX_VALUE);
    Arbitrary<TrainingConfig.Optimizer> optimizers =
        Combinators.combine(
                Arbitraries.of(TrainingConfig.Optimizer.Dense.class),
                Arbitraries.of(TrainingConfig.Optimizer.Sparse.class),
                rates,
                rates)
            .as(TrainingConfig.Optimizer::new);
    Arbitrary<TrainingConfig.Schedule> schedules =
        Combinators.combine(
                Arbitraries.of(TrainingConfig.Schedule.Shape.class),
                Arbitraries.doubles().between(0, 0.9))
            .as(TrainingConfig.Schedule::new);
    Arbitrary<TrainingConfig.Metric> metrics =
        Combinators.combine(
                Arbitraries.of(TrainingConfig.Metric.Kind.class),
                Arbitraries.integers().between(1, 999_999))
            .as(TrainingConfig.Metric::new);
    return Combinators.combine(
            losses(),
            rates,
            Arbitraries.of(true, false),
            Arbitraries.of(TrainingConfig.SamplingCorrection.class),
            Arbitraries.of(TrainingConfig.AccidentalHits.class),
            optimizers,
            Combinators.combine(
                    schedules,
                    metrics,
                    Arbitraries.of(TrainingConfig.Device.class),
                    Arbitraries.of(TrainingConfig.Precision.class))
                .as(Measured::new),
            counts)
        .as(
            (loss, temperature, learn, correction, hits, optimizer, rest, count) ->
                new TrainingConfig(
                    loss,
                    new TrainingConfig.Examples(
                        TrainingConfig.Examples.Row.INTERACTIONS,
                        TrainingConfig.Examples.Context.PAST,
                        0.25,
                        TrainingConfig.Examples.Horizon.NEXT),
                    temperature,
                    learn,
                    correction,
                    hits,
                    2 + count % 1000,
                    count,
                    optimizer,
                    rest.schedule(),
                    rest.metric(),
                    count - 1,
                    count - 1,
                    learn,
                    count,
                    count,
                    -count,
                    rest.device(),
                    rest.device() == TrainingConfig.Device.CPU ? 1 : count % 3,
                    rest.precision()));
  }

  private record Measured(
      TrainingConfig.Schedule schedule,
      TrainingConfig.Metric metric,
      TrainingConfig.Device device,
      TrainingConfig.Precision precision) {}

  private static Arbitrary<TrainingConfig.Loss> losses() {
    Arbitrary<TrainingConfig.Negatives> negatives =
        Combinators.combine(
                Arbitraries.integers().between(1, 1000), Arbitraries.integers().between(0, 1000))
            .as((a, b) -> new TrainingConfig.Negatives(a, b, a, b, a, a));
    return Combinators.combine(
            Arbitraries.of(TrainingConfig.Loss.Function.class),
            negatives,
            Arbitraries.doubles().between(0.01, 0.9))
        .as(
            (kind, drawn, share) -> {
              boolean contrastive = kind == TrainingConfig.Loss.Function.COSINE_CONTRASTIVE;
              boolean full = kind == TrainingConfig.Loss.Function.FULL_SOFTMAX;
              return new TrainingConfig.Loss(
                  kind,
                  full ? TrainingConfig.Negatives.NONE : drawn,
                  contrastive ? 0 : share,
                  contrastive ? share : 0,
                  contrastive ? share : 0);
            });
  }

  private static Arbitrary<RebuildConfig> rebuilds() {
    Arbitrary<Integer> counts = Arbitraries.integers().between(1, 1 << 16);
    Arbitrary<Double> shares = Arbitraries.doubles().between(0, 3);
    return Combinators.combine(counts, counts, Arbitraries.of(true, false), shares, shares)
        .as(
            (a, b, reproducible, c, d) ->
                new RebuildConfig(
                    a,
                    b,
                    a,
                    b,
                    reproducible,
                    new RebuildConfig.Gates(
                        Math.min(c, d), Math.max(c, d) + 1, c, d, c, d, c, d, c, d, c + 1)));
  }

  private static Arbitrary<IndexConfig> indexes() {
    Arbitrary<Integer> sizes = Arbitraries.integers().between(8, 256);
    Arbitrary<IndexConfig> types =
        Combinators.combine(Arbitraries.of(IndexConfig.Type.class), texts(), sizes)
            .as(SpecRoundTripTest::index);
    Arbitrary<Long> limits = Arbitraries.longs().between(0, 1L << 60);
    return Combinators.combine(
            types,
            Arbitraries.of(IndexConfig.Metric.class),
            Arbitraries.doubles().between(0.01, 1),
            limits,
            sizes)
        .as(
            (index, metric, recall, limit, size) ->
                index
                    .withMetric(metric)
                    .withRecall(recall, size)
                    .withMemoryLimit(index.type() == IndexConfig.Type.FACTORY ? 0 : limit)
                    .withGraph(new IndexConfig.Graph(size, size, size))
                    .withLists(new IndexConfig.Lists(size, size, size)));
  }

  private static IndexConfig index(IndexConfig.Type type, String factory, int size) {
    return switch (type) {
      case FACTORY -> IndexConfig.ofFactory(factory);
      case HNSW, IVF_FLAT, IVF_SQ8, IVF_FP16 -> IndexConfig.of(type).withPca(size);
      case IVF_PQ_FAST_SCAN -> IndexConfig.of(type).withOpq(size);
      case AUTO, FLAT, FLAT_FP16 -> IndexConfig.of(type);
    };
  }
}
