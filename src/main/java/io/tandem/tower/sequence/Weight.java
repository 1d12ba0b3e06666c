package io.tandem.tower.sequence;

import java.util.random.RandomGenerator;

/**
 * Shape of a weight, a column-major matrix. An affine map's is [in + 1, out]: its last row is the
 * bias.
 */
record Weight(String name, int rows, int columns, Start start) {
  /** What a weight starts from. */
  enum Start {
    ONES,
    ZEROS,
    /** Normal, with variance 2 / (in + out) (Glorot and Bengio 2010); biases are 0. */
    AFFINE,
    /** The same for a matrix without a bias. */
    LINEAR,
    /** Normal, with deviation 0.02. */
    SMALL
  }

  static Weight affine(String name, int in, int out) {
    return new Weight(name, in + 1, out, Start.AFFINE);
  }

  static Weight linear(String name, int in, int out) {
    return new Weight(name, in, out, Start.LINEAR);
  }

  int length() {
    return rows * columns;
  }

  float first(RandomGenerator random, int row) {
    return switch (start) {
      case ONES -> 1;
      case ZEROS -> 0;
      case SMALL -> (float) (0.02 * random.nextGaussian());
      case LINEAR -> (float) (Math.sqrt(2.0 / (rows + columns)) * random.nextGaussian());
      case AFFINE ->
          row == rows - 1
              ? 0
              : (float) (Math.sqrt(2.0 / (rows - 1 + columns)) * random.nextGaussian());
    };
  }
}
