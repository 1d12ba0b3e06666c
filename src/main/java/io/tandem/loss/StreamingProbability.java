package io.tandem.loss;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Estimates the gap δ in steps between an item's occurrences as a moving average; the item is then
 * in a batch with probability 1 / δ, and is a given row with that probability over the batch's
 * size.
 */
final class StreamingProbability implements SamplingProbability {
  /** With fewer items, sharing them out takes longer than doing them. */
  private static final int FEWEST_SHARED = 2048;

  private final double rate;
  private final long[] lastStep;
  private final double[] gap;
  private long step;

  StreamingProbability(int buckets, double rate) {
    if (buckets < 1 || !(rate > 0 && rate < 1)) {
      throw new IllegalArgumentException(
          "buckets (%d) must be > 0 and rate (%s) in (0, 1)".formatted(buckets, rate));
    }
    this.rate = rate;
    lastStep = new long[buckets];
    gap = new double[buckets];
  }

  @Override
  public void observe(int[] items) {
    step++;
    for (int item : items) {
      int bucket = bucket(item);
      long since = step - lastStep[bucket];
      if (since == 0) {
        continue;
      }
      boolean first = lastStep[bucket] == 0;
      gap[bucket] = first ? since : (1 - rate) * gap[bucket] + rate * since;
      lastStep[bucket] = step;
    }
  }

  @Override
  public float[] logQ(int[] items) {
    float[] result = new float[items.length];
    double batch = Math.log(items.length);
    IntStream each = IntStream.range(0, items.length);
    (items.length < FEWEST_SHARED ? each : each.parallel())
        .forEach(
            i -> {
              double steps = Math.max(1, gap[bucket(items[i])]);
              result[i] = (float) (-Math.log(steps) - batch);
            });
    return result;
  }

  @Override
  public void write(DataOutput out) throws IOException {
    out.writeLong(step);
    out.writeInt(gap.length);
    for (int bucket = 0; bucket < gap.length; bucket++) {
      out.writeLong(lastStep[bucket]);
      out.writeDouble(gap[bucket]);
    }
  }

  @Override
  public void read(DataInput in) throws IOException {
    step = in.readLong();
    int buckets = in.readInt();
    if (buckets != gap.length) {
      throw new IOException("%d buckets, expected %d".formatted(buckets, gap.length));
    }
    Arrays.fill(gap, 0);
    for (int bucket = 0; bucket < gap.length; bucket++) {
      lastStep[bucket] = in.readLong();
      gap[bucket] = in.readDouble();
    }
  }

  private int bucket(int item) {
    int mixed = item * 0x9E3779B1;
    return Integer.remainderUnsigned(mixed ^ (mixed >>> 15), gap.length);
  }
}
