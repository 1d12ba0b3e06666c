package io.tandem.rebuild;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** A step of a rebuild, in their order. */
public enum Step {
  /** Become the one that rebuilds the store. */
  LOCK,
  /** Read items and interactions. */
  READ,
  /** Train towers, where that is asked for. */
  TRAIN,
  /** Encode the catalogue, compare it with the current version's, embed what is new. */
  EMBED,
  /** Build the index. */
  BUILD,
  /** Write and read back. */
  WRITE,
  /** Measure, and compare with the current version. */
  GATES,
  /** Make it current, or keep it as a candidate. */
  PUBLISH,
  /** Delete old versions. */
  PRUNE;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * A step that was done.
   *
   * @param facts what it came to, by name, in order
   */
  public record Done(Step step, double seconds, Map<String, Object> facts) {
    public Done {
      facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
    }
  }
}
