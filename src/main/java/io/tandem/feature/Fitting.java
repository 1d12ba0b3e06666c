package io.tandem.feature;

import io.tandem.config.DataSpec;
import io.tandem.config.FeatureSpec;
import io.tandem.config.FeatureSpec.Transform;
import io.tandem.data.Attributes;
import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** One pass over each side's attributes: counts values, measures numbers. */
final class Fitting {
  private static final int SAMPLE = 1 << 17;

  /** What one side learned. */
  record Learned(
      Map<String, Vocabulary> vocabularies, Map<String, NumericEncoder.Statistics> statistics) {}

  private final List<FeatureSpec> features;
  private final Set<String> keyColumns;

  private Fitting(List<FeatureSpec> features, Set<String> keyColumns) {
    this.features = features;
    this.keyColumns = keyColumns;
  }

  static Learned queries(List<FeatureSpec> features, Set<String> keys, Dataset dataset) {
    Interactions train = dataset.split().train();
    long[] counts = new long[dataset.queryKeys().size()];
    for (int query = 0; query < counts.length; query++) {
      counts[query] = train.count(query);
    }
    return new Fitting(features, keys).fit(dataset.queries(), counts);
  }

  static Learned items(List<FeatureSpec> features, Set<String> keys, Dataset dataset) {
    long[] counts = dataset.split().train().itemCounts(dataset.itemKeys().size());
    return new Fitting(features, keys).fit(dataset.items(), counts);
  }

  /** Columns that hold the key of queries. */
  static Set<String> queryKeys(DataSpec data) {
    return keyColumns(data.interactions().query(), data.queries());
  }

  /** Columns that hold the key of items. */
  static Set<String> itemKeys(DataSpec data) {
    return keyColumns(data.interactions().item(), data.items());
  }

  private static Set<String> keyColumns(String column, DataSpec.@Nullable EntitySpec entity) {
    Set<String> columns = new LinkedHashSet<>(List.of(column));
    if (entity != null) {
      columns.add(entity.key());
    }
    return columns;
  }

  /**
   * @param interactions training interactions by entity number: what makes a key frequent
   */
  private Learned fit(Attributes attributes, long[] interactions) {
    Map<String, Vocabulary.Counter> counters = new LinkedHashMap<>();
    Map<String, Measure> measures = new LinkedHashMap<>();
    for (FeatureSpec feature : features) {
      if (feature instanceof FeatureSpec.Id || feature instanceof FeatureSpec.Bag) {
        counters.put(feature.name(), new Vocabulary.Counter());
      } else if (feature instanceof FeatureSpec.Numeric numeric) {
        measures.put(numeric.name(), new Measure(numeric));
      }
    }
    int[] entity = {0};
    attributes.forEachChunk(
        rows -> {
          RowValues values = new RowValues(rows, keyColumns);
          for (int row = 0; row < rows.size(); row++) {
            observe(values.at(row), interactions[entity[0]++], counters, measures);
          }
        });
    return new Learned(vocabularies(counters), statistics(measures));
  }

  private void observe(
      RowValues values,
      long interactions,
      Map<String, Vocabulary.Counter> counters,
      Map<String, Measure> measures) {
    for (FeatureSpec feature : features) {
      Vocabulary.Counter counter = counters.get(feature.name());
      Measure measure = measures.get(feature.name());
      if (feature instanceof FeatureSpec.Id id && counter != null) {
        String value = values.text(id.column());
        long times = keyColumns.contains(id.column()) ? interactions : 1;
        if (value != null && times > 0) {
          counter.add(value, times);
        }
      } else if (feature instanceof FeatureSpec.Bag bag && counter != null) {
        BagEncoder.values(bag, values).forEach(value -> counter.add(value, 1));
      } else if (feature instanceof FeatureSpec.Numeric numeric && measure != null) {
        measure.add(values.number(numeric.column()));
      }
    }
  }

  private Map<String, Vocabulary> vocabularies(Map<String, Vocabulary.Counter> counters) {
    Map<String, Vocabulary> vocabularies = new LinkedHashMap<>();
    for (FeatureSpec feature : features) {
      Vocabulary.Counter counter = counters.get(feature.name());
      if (feature instanceof FeatureSpec.Id id && counter != null) {
        vocabularies.put(id.name(), counter.build(id.minCount(), id.oovBuckets()));
      } else if (feature instanceof FeatureSpec.Bag bag && counter != null) {
        vocabularies.put(bag.name(), counter.build(bag.minCount(), bag.oovBuckets()));
      }
    }
    return vocabularies;
  }

  private static Map<String, NumericEncoder.Statistics> statistics(Map<String, Measure> measures) {
    Map<String, NumericEncoder.Statistics> statistics = new LinkedHashMap<>();
    measures.forEach((name, measure) -> statistics.put(name, measure.statistics()));
    return statistics;
  }

  /** Mean and deviation (Welford 1962) of a stream, and a uniform sample of it for quantiles. */
  private static final class Measure {
    private final FeatureSpec.Numeric spec;
    private final SplittableRandom random = new SplittableRandom(1);
    private final List<Double> sample = new ArrayList<>();
    private long count;
    private double mean;
    private double squares;
    private boolean missing;

    Measure(FeatureSpec.Numeric spec) {
      this.spec = spec;
    }

    void add(double raw) {
      if (!Double.isFinite(raw)) {
        missing = true;
        return;
      }
      double value = NumericEncoder.beforeStatistics(spec.transform(), raw);
      count++;
      double delta = value - mean;
      mean += delta / count;
      squares += delta * (value - mean);
      if (spec.transform() == Transform.BUCKETIZE) {
        if (sample.size() < SAMPLE) {
          sample.add(value);
        } else {
          long place = random.nextLong(count);
          if (place < SAMPLE) {
            sample.set((int) place, value);
          }
        }
      }
    }

    NumericEncoder.Statistics statistics() {
      double deviation = count == 0 ? 1 : Math.sqrt(squares / count);
      return new NumericEncoder.Statistics(
          mean, deviation > 0 ? deviation : 1, missing, boundaries());
    }

    private double[] boundaries() {
      if (sample.isEmpty()) {
        return new double[0];
      }
      double[] sorted = sample.stream().mapToDouble(Double::doubleValue).sorted().toArray();
      double[] boundaries = new double[spec.buckets() - 1];
      for (int b = 1; b < spec.buckets(); b++) {
        boundaries[b - 1] = sorted[(int) ((long) b * sorted.length / spec.buckets())];
      }
      return Arrays.stream(boundaries).distinct().toArray();
    }
  }
}
