package io.tandem.config;

import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.config.ModelConfig.MatrixFactorization.Solver;
import io.tandem.config.Section.Range;
import java.util.List;

/** Reads which model. */
final class ModelParser {
  private static final int MAX_DIM = 1024;
  private static final int MAX_WIDTH = 8192;
  private static final List<String> TYPES =
      List.of("two_tower", "softmax_dnn", "matrix_factorization", "popularity");

  private ModelParser() {}

  /**
   * Reads the section.
   *
   * @param pureIds whether no features are given: then nothing but ids meets, for which summed
   *     embeddings do better than hidden layers
   */
  static ModelConfig model(Section section, boolean pureIds) {
    String type = section.choice("type", "two_tower", TYPES);
    ModelConfig model =
        switch (type) {
          case "popularity" ->
              new ModelConfig.Popularity(section.number("half_life_days", 0, Range.NOT_NEGATIVE));
          case "matrix_factorization" -> matrixFactorization(section);
          case "softmax_dnn" -> softmaxDnn(section);
          default -> twoTower(section, pureIds);
        };
    section.end();
    return model;
  }

  private static ModelConfig matrixFactorization(Section section) {
    Solver solver = section.choice("solver", Solver.ALS);
    int dim = section.integer("dim", 64, 1, MAX_DIM);
    if (solver == Solver.SGD) {
      return new ModelConfig.MatrixFactorization(solver, dim, 0, 0, 0, 0);
    }
    return new ModelConfig.MatrixFactorization(
        solver,
        dim,
        section.integer("sweeps", 16, 1, 10_000),
        section.number("unobserved_weight", 0.1, Range.NOT_NEGATIVE),
        section.number("regularization", 0.003, Range.POSITIVE),
        section.number("regularization_exponent", 1, Range.NOT_NEGATIVE));
  }

  private static ModelConfig softmaxDnn(Section section) {
    return new ModelConfig.SoftmaxDnn(
        section.integer("dim", 64, 1, MAX_DIM),
        section.integers("hidden", List.of(), 1, MAX_WIDTH),
        section.choice("combine", Combine.CONCAT),
        section.choice("activation", Activation.RELU),
        section.number("dropout", 0, Range.SHARE_BELOW_ONE),
        section.number("l2", 0, Range.NOT_NEGATIVE),
        section.flag("normalize", true));
  }

  private static ModelConfig twoTower(Section section, boolean pureIds) {
    List<Integer> hidden = pureIds ? List.of() : List.of(128);
    Combine combine = pureIds ? Combine.SUM : Combine.CONCAT;
    return new ModelConfig.TwoTower(
        section.integer("dim", 64, 1, MAX_DIM),
        section.integers("query_hidden", hidden, 1, MAX_WIDTH),
        section.integers("item_hidden", hidden, 1, MAX_WIDTH),
        section.choice("query_combine", combine),
        section.choice("item_combine", combine),
        section.choice("activation", Activation.RELU),
        section.number("dropout", 0, Range.SHARE_BELOW_ONE),
        section.number("l2", 0, Range.NOT_NEGATIVE),
        section.flag("normalize", true));
  }
}
