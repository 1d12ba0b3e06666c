package io.tandem.config;

/**
 * How the items of a published model are rebuilt: the specification's {@code rebuild} section.
 *
 * @param keep versions that are kept, at least 1; the current one and those in use always are
 * @param probes queries, always the same ones as long as they exist, that overlap and latency are
 *     measured with
 * @param k cut-off of overlap and quality
 * @param maxQueries held-out queries that quality is measured with
 * @param reproducible whether the same inputs give the same bytes: graphs are then built on one
 *     thread, all else on all of them
 */
public record RebuildConfig(
    int keep, int probes, int k, int maxQueries, boolean reproducible, Gates gates) {

  /** What stands where a specification says nothing. */
  public static final RebuildConfig DEFAULT =
      new RebuildConfig(
          5, 200, 10, 2000, true, new Gates(0.8, 2, 0.1, 0.01, 0.1, 0.2, 0.5, 0.95, 0.05, 0.3, 50));

  /**
   * What a rebuilt version must be to be published. "Rise" and "drop" are against the current
   * version.
   *
   * @param minSize least number of items, as a share of the current version's
   * @param maxSize largest number of items, likewise
   * @param maxMissing largest rise of the share of items of which a feature is missing or out of
   *     the vocabulary, for any feature
   * @param maxZero largest rise of the share of vectors that are 0
   * @param maxEqual largest rise of the share of vectors that equal another
   * @param maxNormDrift largest distance between the lengths of vectors then and now (Wasserstein
   *     1), as a share of their mean length
   * @param minDimensions least number of effective dimensions (participation ratio of the
   *     covariance's eigenvalues, (Σ λ)² / Σ λ²), as a share of the current version's
   * @param minIndexRecall least share of the exact top that the index finds; by default what the
   *     index promises
   * @param maxQualityDrop largest drop of recall on held-out interactions, as a share of the
   *     current version's; a drop within the error of measurement is none
   * @param minOverlap least share of the probe queries' top that stays
   * @param maxP99Millis longest time of a probe query, embedding included, but for 1 % of them
   */
  public record Gates(
      double minSize,
      double maxSize,
      double maxMissing,
      double maxZero,
      double maxEqual,
      double maxNormDrift,
      double minDimensions,
      double minIndexRecall,
      double maxQualityDrop,
      double minOverlap,
      double maxP99Millis) {}
}
