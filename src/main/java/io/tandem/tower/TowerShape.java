package io.tandem.tower;

import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.feature.InputSchema;
import java.util.List;

/**
 * A tower's architecture.
 *
 * @param input what enters; fixes the first layer's width
 * @param combine how the slots' embeddings become the input of the first layer
 * @param hidden widths of hidden layers, input side first
 * @param dim width of the output
 * @param activation of hidden layers; the output is linear
 * @param dropout probability of dropping a hidden unit while training
 * @param l2 coefficient of squared weights in the loss
 * @param normalize whether outputs are scaled to length 1
 */
public record TowerShape(
    InputSchema input,
    Combine combine,
    List<Integer> hidden,
    int dim,
    Activation activation,
    double dropout,
    double l2,
    boolean normalize) {
  public TowerShape {
    hidden = List.copyOf(hidden);
    if (combine == Combine.SUM) {
      boolean summable =
          input.denseWidth() == 0
              && input.slots().stream().mapToInt(slot -> slot.table().dim()).distinct().count()
                  == 1;
      if (!summable) {
        throw new IllegalArgumentException(
            "expected embeddings of one width and no plain numbers to sum up, found " + input);
      }
    }
  }

  /** Floats that enter the first layer. */
  int inputWidth() {
    return combine == Combine.SUM ? input.slots().get(0).table().dim() : input.width();
  }

  /** Place of a slot's embedding in the input; the dense numbers follow the last. */
  int offset(int slot) {
    int offset = 0;
    for (int before = 0; combine == Combine.CONCAT && before < slot; before++) {
      offset += input.slots().get(before).table().dim();
    }
    return offset;
  }

  /** Whether the summed embeddings are the output already, without a layer. */
  boolean isSumAlone() {
    return combine == Combine.SUM && hidden.isEmpty() && inputWidth() == dim;
  }
}
