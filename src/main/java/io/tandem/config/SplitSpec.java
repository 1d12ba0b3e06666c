package io.tandem.config;

import org.jspecify.annotations.Nullable;

/**
 * How interactions become training, validation and test sets. Models are chosen by validation; the
 * test set is looked at once.
 */
public sealed interface SplitSpec {

  /**
   * Per query, in time order: the last interaction is the test, the one before it the validation.
   * Queries with fewer than three interactions stay in training whole.
   */
  record LeaveLastOut() implements SplitSpec {}

  /**
   * By time over all interactions: the last {@code test} share, before it the {@code validation}
   * share.
   *
   * @param test share in (0, 1)
   * @param validation share in [0, 1)
   */
  record Temporal(double test, double validation) implements SplitSpec {}

  /**
   * Per query, at random: shares of each query's interactions, of which at least one stays in
   * training.
   *
   * @param test share in (0, 1)
   * @param validation share in [0, 1)
   * @param coldItems share of the items, in [0, 1), of which every interaction is held out: all of
   *     theirs are the test's; of half as many further items, all are the validation's
   */
  record Random(double test, double validation, double coldItems, long seed) implements SplitSpec {
    /** Every item may be met in training. */
    public Random(double test, double validation, long seed) {
      this(test, validation, 0, seed);
    }
  }

  /**
   * Files given by the user: {@code interactions} are all for training, but for the validation
   * share, which is drawn per query where no validation file is given.
   *
   * @param validation share in [0, 1) of each query's training interactions
   */
  record Provided(
      SourceSpec test, @Nullable SourceSpec validationSource, double validation, long seed)
      implements SplitSpec {}
}
