package io.tandem.data;

import io.tandem.config.SplitSpec;
import io.tandem.data.EventTable.Events;
import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Divides interactions into training, validation and test. */
final class Splitter {
  private static final byte TRAIN = 0;
  private static final byte VALIDATION = 1;
  private static final byte TEST = 2;

  private final int queries;

  /**
   * @param queries number of queries, those without interactions included
   */
  Splitter(int queries) {
    this.queries = queries;
  }

  Dataset.Split split(
      SplitSpec spec, Events events, @Nullable Events validation, @Nullable Events test) {
    Interactions all = sorted(events);
    byte[] parts = new byte[all.size()];
    if (spec instanceof SplitSpec.LeaveLastOut) {
      leaveLastOut(all, parts);
    } else if (spec instanceof SplitSpec.Temporal temporal) {
      byTime(all, temporal, parts);
    } else if (spec instanceof SplitSpec.Random random) {
      atRandom(all, random.test(), random.validation(), random.seed(), parts);
      coldItems(all, random.coldItems(), random.seed(), parts);
    } else if (spec instanceof SplitSpec.Provided provided) {
      atRandom(all, 0, validation == null ? provided.validation() : 0, provided.seed(), parts);
    }
    Interactions train = part(all, parts, TRAIN);
    if (train.size() == 0) {
      throw new DataException(
          "expected interactions for training, found none: the split gives all %d to validation and test"
              .formatted(all.size()));
    }
    return new Dataset.Split(
        train,
        validation == null ? part(all, parts, VALIDATION) : sorted(validation),
        test == null ? part(all, parts, TEST) : sorted(test));
  }

  private void leaveLastOut(Interactions all, byte[] parts) {
    for (int query = 0; query < queries; query++) {
      if (all.count(query) >= 3) {
        parts[all.end(query) - 1] = TEST;
        parts[all.end(query) - 2] = VALIDATION;
      }
    }
  }

  private static void byTime(Interactions all, SplitSpec.Temporal spec, byte[] parts) {
    long[] times = new long[all.size()];
    for (int position = 0; position < times.length; position++) {
      times[position] = all.time(position);
    }
    Arrays.sort(times);
    long testFrom = times[place(times.length, 1 - spec.test())];
    long validationFrom = times[place(times.length, 1 - spec.test() - spec.validation())];
    for (int position = 0; position < parts.length; position++) {
      long time = all.time(position);
      parts[position] = time >= testFrom ? TEST : time >= validationFrom ? VALIDATION : TRAIN;
    }
  }

  private static int place(int size, double share) {
    return Math.min(size - 1, (int) Math.round(size * share));
  }

  private void atRandom(Interactions all, double test, double validation, long seed, byte[] parts) {
    for (int query = 0; query < queries; query++) {
      int count = all.count(query);
      SplittableRandom random = new SplittableRandom(seed ^ query * 0x9E3779B97F4A7C15L);
      int[] order = new int[count];
      for (int i = 0; i < count; i++) {
        int other = random.nextInt(i + 1);
        order[i] = order[other];
        order[other] = i;
      }
      int tests = (int) Math.min(Math.round(count * test), Math.max(0, count - 1));
      int validations =
          (int) Math.min(Math.round(count * validation), Math.max(0, count - tests - 1));
      for (int i = 0; i < tests + validations; i++) {
        parts[all.start(query) + order[i]] = i < tests ? TEST : VALIDATION;
      }
    }
  }

  /** By item: a share is the test's whole, half as much the validation's. */
  private static void coldItems(Interactions all, double share, long seed, byte[] parts) {
    for (int position = 0; position < parts.length && share > 0; position++) {
      long mixed = seed + (all.item(position) + 1) * 0x9E3779B97F4A7C15L;
      double place = new SplittableRandom(mixed).nextDouble();
      if (place < share) {
        parts[position] = TEST;
      } else if (place < 1.5 * share) {
        parts[position] = VALIDATION;
      }
    }
  }

  private Interactions part(Interactions all, byte[] parts, byte which) {
    int count = 0;
    for (byte part : parts) {
      count += part == which ? 1 : 0;
    }
    int[] offsets = new int[queries + 1];
    int[] items = new int[count];
    long[] times = new long[all.hasTimes() ? count : 0];
    float[] weights = new float[all.hasWeights() ? count : 0];
    int at = 0;
    for (int query = 0; query < queries; query++) {
      for (int position = all.start(query); position < all.end(query); position++) {
        if (parts[position] == which) {
          items[at] = all.item(position);
          if (times.length > 0) {
            times[at] = all.time(position);
          }
          if (weights.length > 0) {
            weights[at] = all.weight(position);
          }
          at++;
        }
      }
      offsets[query + 1] = at;
    }
    return new Interactions(offsets, items, times, weights);
  }

  /** By query, then by time; events of equal time keep their order. */
  private Interactions sorted(Events events) {
    int size = events.size();
    int[] offsets = new int[queries + 1];
    for (int query : events.queries()) {
      offsets[query + 1]++;
    }
    for (int query = 0; query < queries; query++) {
      offsets[query + 1] += offsets[query];
    }
    int[] next = Arrays.copyOf(offsets, queries);
    int[] items = new int[size];
    long[] times = new long[events.times().length];
    float[] weights = new float[events.weights().length];
    for (int i = 0; i < size; i++) {
      int position = next[events.queries()[i]]++;
      items[position] = events.items()[i];
      if (times.length > 0) {
        times[position] = events.times()[i];
      }
      if (weights.length > 0) {
        weights[position] = events.weights()[i];
      }
    }
    if (times.length > 0) {
      for (int query = 0; query < queries; query++) {
        sortByTime(offsets[query], offsets[query + 1], items, times, weights);
      }
    }
    return new Interactions(offsets, items, times, weights);
  }

  private static void sortByTime(int from, int to, int[] items, long[] times, float[] weights) {
    boolean inOrder = true;
    for (int position = from + 1; position < to && inOrder; position++) {
      inOrder = times[position - 1] <= times[position];
    }
    if (inOrder) {
      return;
    }
    int[] order = byTime(from, to, times);
    int[] oldItems = Arrays.copyOfRange(items, from, to);
    long[] oldTimes = Arrays.copyOfRange(times, from, to);
    float[] oldWeights = weights.length == 0 ? weights : Arrays.copyOfRange(weights, from, to);
    for (int i = 0; i < order.length; i++) {
      items[from + i] = oldItems[order[i] - from];
      times[from + i] = oldTimes[order[i] - from];
      if (weights.length > 0) {
        weights[from + i] = oldWeights[order[i] - from];
      }
    }
  }

  /** Positions by time; equal times in order of position. */
  private static int[] byTime(int from, int to, long[] times) {
    long first = Long.MAX_VALUE;
    long last = Long.MIN_VALUE;
    for (int position = from; position < to; position++) {
      first = Math.min(first, times[position]);
      last = Math.max(last, times[position]);
    }
    long span = last - first;
    if (span < 0 || span > Integer.MAX_VALUE) {
      return IntStream.range(from, to)
          .boxed()
          .sorted(Comparator.comparingLong(position -> times[position]))
          .mapToInt(position -> position)
          .toArray();
    }
    // Time and place in one number: primitives sort without an object per event.
    long[] packed = new long[to - from];
    for (int i = 0; i < packed.length; i++) {
      packed[i] = (times[from + i] - first) << 32 | i;
    }
    Arrays.sort(packed);
    int[] order = new int[packed.length];
    for (int i = 0; i < order.length; i++) {
      order[i] = from + (int) packed[i];
    }
    return order;
  }
}
