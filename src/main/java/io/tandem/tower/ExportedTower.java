package io.tandem.tower;

import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import java.nio.file.Path;

/**
 * A tower for serving: plain weights and memory-mapped embedding tables, no Deeplearning4j, no
 * lock. Outputs equal the network's to 1e-5. Immutable; safe for any number of threads, each with
 * its own {@link Scratch}.
 */
public final class ExportedTower {
  private ExportedTower() {}

  /** Which tower. */
  public enum Side {
    QUERY,
    ITEM
  }

  /**
   * Opens a tower that {@link TowerModel#export} wrote.
   *
   * @throws io.tandem.data.DataException if files are damaged or do not fit the schema
   */
  public static ExportedTower open(Path folder, Side side, InputSchema schema) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Width of the output. */
  public int dim() {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Buffers of one thread. */
  public Scratch scratch() {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Embeds one row of a batch into [dim]; allocates nothing. */
  public void embed(FeatureBatch batch, int row, Scratch scratch, float[] target) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Embeds every row into [rows × dim] row-major, on up to {@code threads} threads. */
  public void embedAll(FeatureBatch batch, int threads, float[] target) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Intermediate activations; not to be shared between threads. */
  public static final class Scratch {}
}
