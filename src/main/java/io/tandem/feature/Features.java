package io.tandem.feature;

import io.tandem.config.FeaturesSpec;
import io.tandem.data.Dataset;
import java.nio.file.Path;

/**
 * The fitted encoders of both towers: vocabularies, statistics of numbers, layouts. The same object
 * encodes for training and for serving. Immutable; safe for any number of threads.
 *
 * <p>Fitting looks at training interactions and attributes only, never at validation or test.
 */
public final class Features {
  private Features() {}

  /** Fits encoders. */
  public static Features fit(FeaturesSpec spec, Dataset dataset) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** The specification that was fitted. */
  public FeaturesSpec spec() {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Layout of the query tower's input. */
  public InputSchema querySchema() {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Layout of the item tower's input. */
  public InputSchema itemSchema() {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Encoder of items. */
  public ItemEncoder items() {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Encoder of queries while serving. */
  public QueryEncoder queries() {
    throw new UnsupportedOperationException("not built yet");
  }

  /**
   * Encoder of the data set's queries at moments of their history, for training and evaluation:
   * attributes are encoded once, contexts as asked.
   */
  public EventEncoder events(Dataset dataset) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Writes the encoders into an existing, empty folder. */
  public void write(Path folder) {
    throw new UnsupportedOperationException("not built yet");
  }

  /**
   * Opens what {@link #write} wrote; vocabularies are memory-mapped.
   *
   * @throws io.tandem.data.DataException if files are missing, damaged or do not fit together
   */
  public static Features open(Path folder) {
    throw new UnsupportedOperationException("not built yet");
  }
}
