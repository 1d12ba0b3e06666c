package io.tandem.training;

import io.tandem.config.TrainingConfig;

/** The softmax temperature: fixed, or learned as its logarithm with Adam (Kingma and Ba 2015). */
final class Temperature {
  private static final double LOWEST = 0.01;
  private static final double HIGHEST = 10;
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;

  private final boolean learned;
  private final double rate;
  private State state;

  /** Everything that a checkpoint keeps. */
  record State(double logarithm, double mean, double square, long steps) {}

  Temperature(TrainingConfig config) {
    learned = config.learnTemperature();
    rate = config.optimizer().denseRate();
    state = new State(Math.log(config.temperature()), 0, 0, 0);
  }

  double value() {
    return Math.exp(state.logarithm());
  }

  State state() {
    return state;
  }

  void restore(State newState) {
    state = newState;
  }

  /**
   * Moves a learned temperature.
   *
   * @param gradient ∂loss/∂τ
   */
  void step(double gradient, double rateFactor) {
    if (!learned) {
      return;
    }
    double byLogarithm = gradient * value();
    long steps = state.steps() + 1;
    double mean = BETA1 * state.mean() + (1 - BETA1) * byLogarithm;
    double square = BETA2 * state.square() + (1 - BETA2) * byLogarithm * byLogarithm;
    double unbiasedMean = mean / (1 - Math.pow(BETA1, (double) steps));
    double unbiasedSquare = square / (1 - Math.pow(BETA2, (double) steps));
    double moved =
        state.logarithm() - rateFactor * rate * unbiasedMean / (Math.sqrt(unbiasedSquare) + 1e-8);
    double kept = Math.max(Math.log(LOWEST), Math.min(Math.log(HIGHEST), moved));
    state = new State(kept, mean, square, steps);
  }
}
