package io.tandem.evaluation;

import io.tandem.data.Dataset;
import io.tandem.evaluation.Evaluation.AtCutoff;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Measures models on one held-out set, all of them in the same way:
 *
 * <pre>{@code
 * HeldOut test = HeldOut.test(dataset, HeldOut.Seen.EXCLUDED);
 * Evaluator evaluator = new Evaluator(dataset, test, List.of(10, 50), 42);
 * Evaluation towers = evaluator.evaluate(new EmbeddingRanker(queries, items, dim));
 * Evaluation popularity = evaluator.evaluate(new ConstantRanker(counts));
 * Estimate gain = evaluator.difference(Measure.RECALL, 10, towers, popularity);
 * }</pre>
 */
public final class Evaluator {
  private final HeldOut heldOut;
  private final List<Integer> cutoffs;
  private final ItemCounts counts;
  private final Segments segments;
  private final Bootstrap bootstrap;

  /**
   * @param heldOut of the same data set
   * @param cutoffs each at least 1; at least one
   * @param seed of the confidence intervals
   */
  public Evaluator(Dataset dataset, HeldOut heldOut, List<Integer> cutoffs, long seed) {
    if (cutoffs.isEmpty()) {
      throw new IllegalArgumentException("expected at least one cut-off, found none");
    }
    this.heldOut = heldOut;
    this.cutoffs = List.copyOf(cutoffs);
    counts = ItemCounts.of(dataset.split().train(), dataset.itemKeys().size());
    segments = Segments.of(heldOut, dataset.split().train(), counts);
    bootstrap = new Bootstrap(seed);
  }

  /** What is measured on. */
  public HeldOut heldOut() {
    return heldOut;
  }

  /** How popular items are. */
  public ItemCounts counts() {
    return counts;
  }

  /**
   * Measures a model.
   *
   * @param ranker of the data set's items, for the held-out set's queries
   */
  public Evaluation evaluate(Ranker ranker) {
    if (ranker.items() != counts.items()) {
      throw new IllegalArgumentException(
          "expected scores of %d items, found %d".formatted(counts.items(), ranker.items()));
    }
    int most = cutoffs.stream().mapToInt(Integer::intValue).max().orElseThrow();
    int[][] lists = Ranking.top(ranker, heldOut.question(), most);
    return new Evaluation(cutoffs.stream().map(k -> at(lists, k)).toList());
  }

  /** How much better one model is than another, over pairs of the same queries. */
  public Estimate difference(Measure measure, int k, Evaluation of, Evaluation from) {
    return bootstrap.difference(
        of.at(k).perQuery().values(measure), from.at(k).perQuery().values(measure));
  }

  private AtCutoff at(int[][] lists, int k) {
    QueryMetrics perQuery = QueryMetrics.of(lists, heldOut.question().relevant(), k);
    Map<Measure, Estimate> metrics = new EnumMap<>(Measure.class);
    for (Measure measure : Measure.values()) {
      metrics.put(measure, bootstrap.mean(perQuery.values(measure)));
    }
    List<Segment> measured = new ArrayList<>();
    for (Partition partition : segments.queries()) {
      addQuerySegments(partition, perQuery, measured);
    }
    for (Partition partition : segments.items()) {
      addItemSegments(partition, lists, k, measured);
    }
    return new AtCutoff(perQuery, metrics, PopularityBias.of(lists, counts, k), measured);
  }

  private void addQuerySegments(Partition partition, QueryMetrics perQuery, List<Segment> to) {
    for (int group = 0; group < partition.groups().size(); group++) {
      Map<Measure, double[]> values = new EnumMap<>(Measure.class);
      for (Measure measure : List.of(Measure.RECALL, Measure.NDCG)) {
        double[] all = perQuery.values(measure);
        for (int query = 0; query < all.length; query++) {
          all[query] = partition.groupOf()[query] == group ? all[query] : Double.NaN;
        }
        values.put(measure, all);
      }
      add(partition, group, values, to);
    }
  }

  private void addItemSegments(Partition partition, int[][] lists, int k, List<Segment> to) {
    for (int group = 0; group < partition.groups().size(); group++) {
      double[] recall = new double[lists.length];
      for (int query = 0; query < lists.length; query++) {
        recall[query] =
            recall(lists[query], heldOut.question().relevant()[query], k, partition, group);
      }
      add(partition, group, Map.of(Measure.RECALL, recall), to);
    }
  }

  /** Recall of the relevant items of a group; NaN where there are none. */
  private static double recall(int[] list, int[] relevant, int k, Partition partition, int group) {
    int[] wanted =
        Arrays.stream(relevant).filter(item -> partition.groupOf()[item] == group).toArray();
    if (wanted.length == 0) {
      return Double.NaN;
    }
    Arrays.sort(wanted);
    long found =
        Arrays.stream(list, 0, Math.min(k, list.length))
            .filter(item -> Arrays.binarySearch(wanted, item) >= 0)
            .count();
    return (double) found / wanted.length;
  }

  private void add(
      Partition partition, int group, Map<Measure, double[]> values, List<Segment> to) {
    double[] recall = values.getOrDefault(Measure.RECALL, new double[0]);
    int queries = (int) Arrays.stream(recall).filter(value -> !Double.isNaN(value)).count();
    if (queries == 0) {
      return;
    }
    Map<Measure, Estimate> metrics = new EnumMap<>(Measure.class);
    values.forEach((measure, each) -> metrics.put(measure, bootstrap.mean(each)));
    to.add(new Segment(partition.by(), partition.groups().get(group), queries, metrics));
  }
}
