package io.tandem.loss;

import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * In-batch softmax: row i's positive is item row i, its negatives are the batch's other items.
 *
 * <p>With logits s_ij = ⟨u_i, v_j⟩ / τ − log Q_j, the loss is the weighted mean of −log
 * softmax(s_i)_i. The correction by Q, the probability that an item is drawn into a batch, is Yi et
 * al. 2019's. Logits are computed tile by tile in one reused buffer of at most 64 MB; nothing of
 * size batch² is ever held. Not thread-safe; one instance per training loop.
 */
public final class InBatchSoftmax {

  /**
   * The parts of a batch beside its embeddings.
   *
   * @param items [batch] number of each row's item, to recognise accidental hits
   * @param logQ [batch] log of each row's item's sampling probability, or null for no correction
   * @param weights [batch] non-negative weights, or null for all 1
   * @param maskAccidentalHits whether other rows with the same item are left out of the softmax
   */
  public record Batch(
      int[] items,
      float @Nullable [] logQ,
      float @Nullable [] weights,
      boolean maskAccidentalHits) {}

  /**
   * Loss of a batch.
   *
   * @param loss weighted mean over the batch
   * @param temperatureGradient ∂loss/∂τ
   */
  public record Result(double loss, double temperatureGradient) {}

  /**
   * Loss and gradients.
   *
   * @param u [batch, dim] query embeddings
   * @param v [batch, dim] item embeddings
   * @param gradU receives ∂loss/∂u, [batch, dim]
   * @param gradV receives ∂loss/∂v, [batch, dim]
   */
  public Result compute(
      INDArray u, INDArray v, Batch batch, double temperature, INDArray gradU, INDArray gradV) {
    throw new UnsupportedOperationException("not built yet");
  }
}
