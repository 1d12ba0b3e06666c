package io.tandem.config;

import java.util.List;

/** Which model, and its shape. */
public sealed interface ModelConfig {

  /** Ranks every item by how often it was touched in training: the floor for every model. */
  record Popularity() implements ModelConfig {}

  /**
   * Two towers whose outputs' dot product ranks items.
   *
   * @param dim width of both towers' output
   * @param queryHidden widths of the query tower's hidden layers, input side first; may be empty
   * @param itemHidden likewise for the item tower
   * @param dropout probability of dropping a unit of a hidden layer, in [0, 1)
   * @param l2 coefficient of the squared weights, at least 0
   * @param normalize whether outputs have length 1, so that the dot product is the cosine
   */
  record TwoTower(
      int dim,
      List<Integer> queryHidden,
      List<Integer> itemHidden,
      Activation activation,
      double dropout,
      double l2,
      boolean normalize)
      implements ModelConfig {
    public TwoTower {
      queryHidden = List.copyOf(queryHidden);
      itemHidden = List.copyOf(itemHidden);
    }
  }

  /** Activation of hidden layers; the last layer is always linear. */
  enum Activation {
    RELU,
    TANH,
    GELU,
    LEAKY_RELU
  }
}
