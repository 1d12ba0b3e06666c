package io.tandem.tower;

import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.FeatureBatch;
import java.nio.file.Path;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Both towers over their embedding tables while training: the tables outside, the networks as
 * Deeplearning4j {@code MultiLayerNetwork}s trained through external errors. One thread at a time.
 *
 * <p>One step: {@link #forwardQueries} and {@link #forwardItems} give U and V, the loss gives its
 * gradients by them, {@link #step} walks back through both towers and updates what was touched.
 */
public final class TowerModel {
  private TowerModel() {}

  /** Towers with fresh parameters; equal seeds give equal parameters. */
  public static TowerModel create(
      TowerShape query, TowerShape item, Optimizer optimizer, long seed) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Output of the query tower while training: [rows, dim], valid until the next call. */
  public INDArray forwardQueries(FeatureBatch batch) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Output of the item tower while training: [rows, dim], valid until the next call. */
  public INDArray forwardItems(FeatureBatch batch) {
    throw new UnsupportedOperationException("not built yet");
  }

  /**
   * One optimizer step from the gradients of a mean loss by both outputs.
   *
   * @param rateFactor the schedule's factor on both learning rates
   */
  public void step(INDArray queryGradient, INDArray itemGradient, double rateFactor) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Embeds queries without dropout into [rows × dim] row-major; streams in bounded memory. */
  public void embedQueries(FeatureBatch batch, float[] target) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Embeds items without dropout into [rows × dim] row-major; streams in bounded memory. */
  public void embedItems(FeatureBatch batch, float[] target) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Writes networks, tables and all optimizer state, so that training continues as if unbroken. */
  public void writeCheckpoint(Path folder) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Restores what {@link #writeCheckpoint} wrote. */
  public void readCheckpoint(Path folder) {
    throw new UnsupportedOperationException("not built yet");
  }

  /** Writes both towers for serving (plain weights and tables) and as Deeplearning4j networks. */
  public void export(Path folder) {
    throw new UnsupportedOperationException("not built yet");
  }
}
