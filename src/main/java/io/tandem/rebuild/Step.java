package io.tandem.rebuild;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** A step of a rebuild, in their order. */
public enum Step {
  /** Become the one that rebuilds the store. */
  LOCK,
  /** Open the current version, every file of it verified. */
  OPEN,
  /** Read items and interactions. */
  READ,
  /** Train towers, where that is asked for. */
  TRAIN,
  /** Write what needs no vectors: keys, attributes, filters, histories, towers. */
  PREPARE,
  /** Encode the catalogue, compare it with the current version's, embed what is new. */
  EMBED,
  /** Build the index. */
  BUILD,
  /** Write the index and read it back, and list what the version holds. */
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
