package io.tandem.index;

/** Hears how far the building of an index is. Called from the building thread. */
public interface BuildListener {
  /** Hears nothing. */
  BuildListener NONE = (stage, type, done, total) -> {};

  /** Steps of building an index. */
  enum Stage {
    /** Types are tried over a part of the vectors. */
    CHOOSING,
    /** Centroids and codes are learnt. */
    TRAINING,
    /** Vectors are added. */
    ADDING,
    /** Search settings are tried. */
    TUNING
  }

  /**
   * Some of a step is done.
   *
   * @param type FAISS's name of what is built
   * @param done of {@code total}, in vectors or settings; 0 where a step begins
   */
  void progress(Stage stage, String type, long done, long total);
}
