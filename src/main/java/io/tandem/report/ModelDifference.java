package io.tandem.report;

import io.tandem.evaluation.Estimate;
import io.tandem.evaluation.Measure;
import java.util.Map;

/**
 * How much better a model is than another, over pairs of the same query.
 *
 * @param from the other model
 * @param seenItems what happened to items that a query had seen before
 * @param metrics every measure
 */
public record ModelDifference(
    String model, String from, String seenItems, int k, Map<Measure, Estimate> metrics) {

  /** Recall and NDCG: a row for each difference. */
  public static Table table(Iterable<ModelDifference> differences) {
    Table table = new Table("model", "less", "seen items", "k", "Δ recall", "Δ NDCG");
    for (ModelDifference difference : differences) {
      table.row(
          difference.model(),
          difference.from(),
          difference.seenItems(),
          difference.k(),
          String.valueOf(difference.metrics().get(Measure.RECALL)),
          String.valueOf(difference.metrics().get(Measure.NDCG)));
    }
    return table;
  }
}
