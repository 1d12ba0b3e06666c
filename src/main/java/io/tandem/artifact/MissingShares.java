package io.tandem.artifact;

import io.tandem.config.FeatureSpec;
import io.tandem.data.Rows;
import io.tandem.feature.Features;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * For each feature of the items the share of items of which it is missing or out of the vocabulary.
 * {@link #count} is safe for any number of threads, all else is not.
 */
public final class MissingShares {
  /** What the shares' names begin with among a version's metrics. */
  public static final String PREFIX = "missing.";

  private final Features features;
  private final List<FeatureSpec> specs;
  private final long[] unknown;
  private long items;

  public MissingShares(Features features) {
    this.features = features;
    specs = features.spec().item();
    unknown = new long[specs.size()];
  }

  /** Counts a chunk: [features]. */
  public long[] count(Rows rows) {
    long[] counts = new long[unknown.length];
    features.items().countUnknown(rows, counts);
    return counts;
  }

  /** Adds the counts of a chunk. */
  public void add(long[] counts, int rows) {
    for (int feature = 0; feature < unknown.length; feature++) {
      unknown[feature] += counts[feature];
    }
    items += rows;
  }

  /** Shares by {@value #PREFIX} and the feature's name. */
  public Map<String, Double> shares() {
    Map<String, Double> shares = new TreeMap<>();
    for (int feature = 0; feature < unknown.length; feature++) {
      shares.put(
          PREFIX + specs.get(feature).name(), items == 0 ? 0 : (double) unknown[feature] / items);
    }
    return shares;
  }
}
