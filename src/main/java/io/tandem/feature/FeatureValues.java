package io.tandem.feature;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Raw values of one query or item while serving, by column or, for sequences, by feature name.
 * Everything may be absent.
 */
public interface FeatureValues {
  /** A value as text, or null. */
  @Nullable String text(String column);

  /** A number, or NaN; text that reads as a number is one. */
  double number(String column);

  /** Seconds since 1970, or Long.MIN_VALUE. */
  long time(String column);

  /** Several values, or null; for a bag in text, the text is split instead. */
  @Nullable List<String> list(String name);
}
