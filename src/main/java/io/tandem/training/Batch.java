package io.tandem.training;

import io.tandem.feature.FeatureBatch;
import org.jspecify.annotations.Nullable;

/**
 * Inputs of one step: rows of queries, what each should find, and the candidate items. Reused from
 * step to step.
 */
final class Batch {
  /** One row for each query at a moment. */
  final FeatureBatch queries;

  /** One row for each candidate. */
  final FeatureBatch candidates;

  /** [rows + 1] row r's targets are entries offsets[r] until offsets[r + 1]. */
  int[] offsets = new int[1];

  /** Numbers of the target items; once candidates are chosen, their columns. */
  int[] targets = new int[0];

  /** Of each target in its row, summing to 1. */
  float[] shares = new float[0];

  /** [rows], or null for all 1. */
  float @Nullable [] weights;

  /** [candidates] numbers of items. */
  int[] items = new int[0];

  /** [candidates] draws of each as a negative. */
  float[] counts = new float[0];

  /** Items that the batch's targets are, one for each draw. */
  int[] drawn = new int[0];

  /** The same where it is trained on. */
  DeviceStep.@Nullable OnDevice onDevice;

  Batch(FeatureBatch queries, FeatureBatch candidates) {
    this.queries = queries;
    this.candidates = candidates;
  }

  int rows() {
    return offsets.length - 1;
  }
}
