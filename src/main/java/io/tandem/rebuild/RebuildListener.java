package io.tandem.rebuild;

/** Hears how far a rebuild is. Called from the thread that rebuilds. */
public interface RebuildListener {
  /** Hears nothing. */
  RebuildListener NONE = new RebuildListener() {};

  /** A step begins. */
  default void begins(Step step) {}

  /**
   * Some of a step is done.
   *
   * @param done of {@code total}
   */
  default void progress(Step step, long done, long total) {}

  /** A step ended. */
  default void ended(Step.Done done) {}
}
