package io.tandem.experiment;

import java.util.ArrayList;
import java.util.List;

/** How a search spends its trainings. */
public enum Strategy {
  /** Every trial with all its epochs (Bergstra and Bengio 2012). */
  RANDOM,

  /**
   * Successive halving (Jamieson and Talwalkar 2016; with η = 3 as in Li et al. 2018): all trials
   * get few epochs, the best third of them three times as many, and so on; the last get all. Good
   * where a training that will do well shows it early, a trap where the best begin slowly.
   */
  HALVING;

  private static final int ETA = 3;

  /**
   * A round of trainings.
   *
   * @param trials how many take part, the best of the round before
   * @param epochs that each has had at its end
   */
  public record Rung(int trials, int epochs) {}

  /**
   * The rounds of a search.
   *
   * @param trials at least 1
   * @param epochs of a whole training
   */
  public List<Rung> rungs(int trials, int epochs) {
    if (this == RANDOM) {
      return List.of(new Rung(trials, epochs));
    }
    List<Rung> rungs = new ArrayList<>();
    int divisor = 1;
    while (divisor <= Math.min(trials, epochs) / ETA) {
      divisor *= ETA;
    }
    for (int taking = 1; divisor >= 1; divisor /= ETA, taking *= ETA) {
      rungs.add(new Rung(Math.max(1, trials / taking), epochs / divisor));
    }
    return rungs;
  }
}
