package io.tandem.evaluation;

import io.tandem.data.Interactions;
import java.util.Arrays;
import java.util.List;

/**
 * Where a model is good and where it is not: figures for groups of queries and groups of items.
 * Ranking is always over the full corpus; only the means are taken over fewer queries, or fewer
 * relevant items.
 *
 * @param queries partitions of the held-out queries, in their order
 * @param items partitions of the items
 */
public record Segments(List<Partition> queries, List<Partition> items) {
  private static final List<String> TEMPERATURE = List.of("warm", "cold");

  /** Longest histories of the groups but the last. */
  private static final int[] LENGTHS = {0, 5, 20, 50, 100};

  private static final List<String> LENGTH_NAMES =
      List.of("0", "1–5", "6–20", "21–50", "51–100", "over 100");

  /** Most popular shares of the items that end a group. */
  private static final double[] SHARES = {0.01, 0.1, 0.5};

  private static final List<String> SHARE_NAMES = List.of("top 1 %", "1–10 %", "10–50 %", "rest");

  public Segments {
    queries = List.copyOf(queries);
    items = List.copyOf(items);
  }

  /**
   * Warm (with a training interaction) and cold queries and items; queries by the number of
   * interactions they bring along, those of validation included; items by their rank in training
   * interactions.
   */
  public static Segments of(HeldOut heldOut, Interactions train, ItemCounts counts) {
    return new Segments(
        List.of(warmth(heldOut, train), historyLength(heldOut)),
        List.of(warmth(counts), popularity(counts)));
  }

  private static Partition warmth(HeldOut heldOut, Interactions train) {
    return new Partition(
        "query",
        TEMPERATURE,
        Arrays.stream(heldOut.queries())
            .map(query -> query < train.queries() && train.count(query) > 0 ? 0 : 1)
            .toArray());
  }

  private static Partition historyLength(HeldOut heldOut) {
    return new Partition(
        "history length",
        LENGTH_NAMES,
        Arrays.stream(heldOut.queries())
            .map(query -> lengthGroup(heldOut.history().count(query)))
            .toArray());
  }

  private static int lengthGroup(int length) {
    int group = 0;
    while (group < LENGTHS.length && length > LENGTHS[group]) {
      group++;
    }
    return group;
  }

  private static Partition warmth(ItemCounts counts) {
    return new Partition(
        "item",
        TEMPERATURE,
        Arrays.stream(counts.interactions()).mapToInt(count -> count > 0 ? 0 : 1).toArray());
  }

  private static Partition popularity(ItemCounts counts) {
    int[] groupOf = new int[counts.items()];
    int[] byPopularity = counts.byPopularity();
    int group = 0;
    for (int rank = 0; rank < byPopularity.length; rank++) {
      while (group < SHARES.length && rank >= counts.head(SHARES[group])) {
        group++;
      }
      groupOf[byPopularity[rank]] = group;
    }
    return new Partition("item popularity", SHARE_NAMES, groupOf);
  }
}
