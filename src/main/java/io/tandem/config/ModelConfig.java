package io.tandem.config;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which model, and its shape. */
public sealed interface ModelConfig {

  /** The towers that are trained by gradient steps, or null for models that are not. */
  default @Nullable TwoTower towers() {
    return null;
  }

  /**
   * Ranks every item by how often it was touched in training: the floor for every model.
   *
   * @param halfLifeDays age at which an interaction counts half, relative to the newest; 0 counts
   *     all alike
   */
  record Popularity(double halfLifeDays) implements ModelConfig {}

  /**
   * One vector per query and per item, no features.
   *
   * @param dim width of the vectors
   * @param sweeps of ALS over both sides
   * @param unobservedWeight of ALS: α₀, the weight of every pair, observed or not
   * @param regularization of ALS: λ
   * @param regularizationExponent of ALS: ν, how regularization grows with frequency (Rendle et al.
   *     2021): 0 not at all, 1 in proportion
   */
  record MatrixFactorization(
      Solver solver,
      int dim,
      int sweeps,
      double unobservedWeight,
      double regularization,
      double regularizationExponent)
      implements ModelConfig {
    @Override
    public @Nullable TwoTower towers() {
      return solver == Solver.ALS
          ? null
          : new TwoTower(
              dim, List.of(), List.of(), Combine.SUM, Combine.SUM, Activation.RELU, 0, 0, false);
    }

    /** How the vectors are found. */
    public enum Solver {
      /** Implicit alternating least squares (Hu et al. 2008). */
      ALS,
      /** Gradient steps on the training's loss. */
      SGD
    }
  }

  /**
   * ψ(x) over query features, then a softmax over all items whose weights V are the item
   * embeddings, a row each (Covington et al. 2016).
   *
   * @param dim width of ψ(x) and of V's rows
   * @param hidden widths of ψ's hidden layers, input side first; may be empty
   * @param combine how the features' embeddings become ψ's input
   * @param dropout probability of dropping a hidden unit, in [0, 1)
   * @param l2 coefficient of the squared weights of ψ, at least 0
   * @param normalize whether ψ(x) and V's rows have length 1
   */
  record SoftmaxDnn(
      int dim,
      List<Integer> hidden,
      Combine combine,
      Activation activation,
      double dropout,
      double l2,
      boolean normalize)
      implements ModelConfig {
    public SoftmaxDnn {
      hidden = List.copyOf(hidden);
    }

    @Override
    public TwoTower towers() {
      return new TwoTower(
          dim, hidden, List.of(), combine, Combine.SUM, activation, dropout, l2, normalize);
    }
  }

  /**
   * Two towers whose outputs' dot product ranks items.
   *
   * @param dim width of both towers' output
   * @param queryHidden widths of the query tower's hidden layers, input side first; may be empty
   * @param itemHidden likewise for the item tower
   * @param queryCombine how the query features' embeddings become the tower's input
   * @param itemCombine likewise for the item tower
   * @param dropout probability of dropping a unit of a hidden layer, in [0, 1)
   * @param l2 coefficient of the squared weights, at least 0
   * @param normalize whether outputs have length 1, so that the dot product is the cosine
   */
  record TwoTower(
      int dim,
      List<Integer> queryHidden,
      List<Integer> itemHidden,
      Combine queryCombine,
      Combine itemCombine,
      Activation activation,
      double dropout,
      double l2,
      boolean normalize)
      implements ModelConfig {
    public TwoTower {
      queryHidden = List.copyOf(queryHidden);
      itemHidden = List.copyOf(itemHidden);
    }

    @Override
    public TwoTower towers() {
      return this;
    }
  }

  /** How the embeddings of a tower's features become its input. */
  enum Combine {
    /** Side by side, with numbers after them. */
    CONCAT,
    /**
     * Added up, all of one width. Without hidden layers, and where that width is the output's, the
     * sum is the tower's output: there is no dense layer at all.
     */
    SUM
  }

  /** Activation of hidden layers; the last layer is always linear. */
  enum Activation {
    RELU,
    TANH,
    GELU,
    LEAKY_RELU
  }
}
