package io.tandem.loss;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * How probable it is that an item is drawn as the positive of a row: Q of the sampling-bias
 * correction. One thread at a time.
 */
public interface SamplingProbability {
  /** Learns from a batch; to be called once a step, before {@link #logQ}. */
  void observe(int[] items);

  /** [items] log Q of each item. */
  float[] logQ(int[] items);

  /** Writes what was learned. */
  void write(DataOutput out) throws IOException;

  /** Restores what {@link #write} wrote. */
  void read(DataInput in) throws IOException;

  /**
   * Q from the counts of the training set.
   *
   * @param counts by item; items never counted are taken as counted once
   */
  static SamplingProbability exact(long[] counts) {
    return new ExactProbability(counts);
  }

  /**
   * Q from the steps between an item's occurrences, in fixed memory (Yi et al. 2019, algorithm 2).
   *
   * @param buckets hashed places for items; collisions raise the estimate
   * @param rate α, the weight of the newest gap, in (0, 1)
   */
  static SamplingProbability streaming(int buckets, double rate) {
    return new StreamingProbability(buckets, rate);
  }
}
