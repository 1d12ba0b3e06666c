package io.tandem.feature;

/** Turns one query into a tower input while serving. Safe for any number of threads. */
public interface QueryEncoder {
  /** Appends one query; sequences are read with {@link FeatureValues#list} as item keys. */
  void encode(FeatureValues values, FeatureBatch target);
}
