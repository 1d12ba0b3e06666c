package io.tandem.tower;

import io.tandem.config.ModelConfig.Activation;
import io.tandem.feature.InputSchema;
import java.util.List;

/**
 * A tower's architecture.
 *
 * @param input what enters; fixes the first layer's width
 * @param hidden widths of hidden layers, input side first
 * @param dim width of the output
 * @param activation of hidden layers; the output is linear
 * @param dropout probability of dropping a hidden unit while training
 * @param l2 coefficient of squared weights in the loss
 * @param normalize whether outputs are scaled to length 1
 */
public record TowerShape(
    InputSchema input,
    List<Integer> hidden,
    int dim,
    Activation activation,
    double dropout,
    double l2,
    boolean normalize) {
  public TowerShape {
    hidden = List.copyOf(hidden);
  }
}
