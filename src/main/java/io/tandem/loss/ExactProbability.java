package io.tandem.loss;

import java.io.DataInput;
import java.io.DataOutput;

/** Share of an item in the training set. */
final class ExactProbability implements SamplingProbability {
  private final float[] logs;

  ExactProbability(long[] counts) {
    long total = 0;
    for (long count : counts) {
      total += Math.max(1, count);
    }
    logs = new float[counts.length];
    for (int item = 0; item < logs.length; item++) {
      logs[item] =
          (float) (Math.log((double) Math.max(1, counts[item])) - Math.log((double) total));
    }
  }

  @Override
  public void observe(int[] items) {}

  @Override
  public float[] logQ(int[] items) {
    float[] result = new float[items.length];
    for (int i = 0; i < items.length; i++) {
      result[i] = logs[items[i]];
    }
    return result;
  }

  @Override
  public void write(DataOutput out) {}

  @Override
  public void read(DataInput in) {}
}
