package io.tandem.evaluation;

import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * The held-out events of a split as questions: which queries, what they had seen before, which
 * items they went on to.
 *
 * @param queries numbers of the queries with at least one relevant item
 * @param history what every query had seen: for test, training and validation
 * @param times when each query's first held-out event was, seconds since 1970
 * @param question for each query; where seen items are excluded, a relevant item that was seen
 *     before is not relevant
 */
public record HeldOut(
    int[] queries, Interactions history, long[] times, Ranking.Question question) {

  /** What happens to items that a query had seen before. */
  public enum Seen {
    EXCLUDED,
    RANKED
  }

  /** The validation set: what comes after training. */
  public static HeldOut validation(Dataset dataset, Seen seen) {
    return of(dataset.split().train(), dataset.split().validation(), seen);
  }

  /** The test set: what comes after training and validation. */
  public static HeldOut test(Dataset dataset, Seen seen) {
    Interactions history =
        Interactions.merged(dataset.split().train(), dataset.split().validation());
    return of(history, dataset.split().test(), seen);
  }

  /** At most {@code count} of the queries, drawn by a seed. */
  public HeldOut sample(int count, long seed) {
    if (count >= queries.length) {
      return this;
    }
    SplittableRandom random = new SplittableRandom(seed);
    int[] order = new int[queries.length];
    for (int i = 0; i < order.length; i++) {
      int other = random.nextInt(i + 1);
      order[i] = order[other];
      order[other] = i;
    }
    int[] kept = Arrays.copyOf(order, count);
    Arrays.sort(kept);
    return select(kept);
  }

  private HeldOut select(int[] kept) {
    int[] keptQueries = new int[kept.length];
    long[] keptTimes = new long[kept.length];
    int[][] relevant = new int[kept.length][];
    int[][] excluded = new int[kept.length][];
    for (int i = 0; i < kept.length; i++) {
      keptQueries[i] = queries[kept[i]];
      keptTimes[i] = times[kept[i]];
      relevant[i] = question.relevant()[kept[i]];
      excluded[i] = question.excluded()[kept[i]];
    }
    return new HeldOut(keptQueries, history, keptTimes, new Ranking.Question(relevant, excluded));
  }

  private static HeldOut of(Interactions history, Interactions events, Seen seen) {
    int all = events.queries();
    int[] kept = new int[all];
    int count = 0;
    long[] times = new long[all];
    int[][] relevant = new int[all][];
    int[][] excluded = new int[all][];
    for (int query = 0; query < all; query++) {
      if (events.count(query) == 0) {
        continue;
      }
      int[] before = seen == Seen.EXCLUDED ? distinct(history, query) : new int[0];
      int[] wanted =
          Arrays.stream(distinct(events, query))
              .filter(item -> Arrays.binarySearch(before, item) < 0)
              .toArray();
      if (wanted.length > 0) {
        relevant[count] = wanted;
        excluded[count] = before;
        times[count] = events.time(events.start(query));
        kept[count++] = query;
      }
    }
    return new HeldOut(
        Arrays.copyOf(kept, count),
        history,
        Arrays.copyOf(times, count),
        new Ranking.Question(Arrays.copyOf(relevant, count), Arrays.copyOf(excluded, count)));
  }

  /** Distinct items of a query, ascending. */
  private static int[] distinct(Interactions interactions, int query) {
    int[] items = new int[interactions.count(query)];
    interactions.copyItems(interactions.start(query), interactions.end(query), items, 0);
    return Arrays.stream(items).sorted().distinct().toArray();
  }
}
