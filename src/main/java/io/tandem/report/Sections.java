package io.tandem.report;

import io.tandem.evaluation.Measure;
import io.tandem.training.EpochResult;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/** Sections of a page about evaluated models: one, or several side by side. */
public final class Sections {
  private Sections() {}

  /**
   * Quality, popularity bias, and where it comes from.
   *
   * @param all every result
   * @param segmented those whose segments are shown, one for each model, with the same cut-offs
   * @param differences between models; may be empty
   */
  public static void results(
      Page page,
      List<ModelResult> all,
      List<ModelResult> segmented,
      List<ModelDifference> differences) {
    ResultTables tables = new ResultTables(all);
    page.heading("Test set, full corpus")
        .paragraph("In brackets: 95 % confidence intervals by bootstrap over queries.")
        .table(tables.quality());
    ResultTables segments = new ResultTables(segmented);
    int k = segmented.get(0).evaluation().cutoffs().get(0).k();
    page.drawing(segments.qualityBars(k));
    if (!differences.isEmpty()) {
      page.paragraph(
              "Differences between models, over pairs of the same query: significant where the interval"
                  + " does not hold 0.")
          .table(ModelDifference.table(differences));
    }
    page.heading("Popularity bias")
        .paragraph(
            "Top 1 % and top 10 %: the share of recommendations that go to the most popular items."
                + " Coverage: the share of items recommended to anybody. Gini: 0 where all items"
                + " are recommended equally often, 1 where it is always the same. Self-information:"
                + " mean of −log2 of the share of training queries that touched a recommended item.")
        .table(tables.popularityBias());
    page.heading("Segments")
        .paragraph(
            "Groups of queries: means over the queries of the group, seen items %s. Groups of"
                    .formatted(segmented.get(0).seenItems())
                + " items: of the relevant items in the group, the share that was found, by query."
                + " Warm: with a training interaction. The full corpus is ranked everywhere.")
        .table(segments.segments(k, Measure.RECALL))
        .drawing(segments.segmentBars(k, Measure.RECALL));
  }

  /** Loss and validation by epoch; nothing where no model has epochs. */
  public static void training(Page page, Map<String, List<EpochResult>> epochs) {
    List<Drawing> drawings = new TrainingCurves(epochs).drawings();
    if (!drawings.isEmpty()) {
      page.heading("Training");
      drawings.forEach(page::drawing);
    }
  }

  /** Item embeddings: their norms against popularity, and a map in one colour. */
  public static void items(Page page, ItemEmbeddings items) {
    norms(page, items);
    if (items.dim() > 1) {
      page.drawing(items.map());
    }
  }

  /**
   * Item embeddings: their norms against popularity, and a map coloured by a feature.
   *
   * @param feature its name
   * @param values of each item, by its number
   */
  public static void items(
      Page page, ItemEmbeddings items, String feature, IntFunction<List<String>> values) {
    norms(page, items);
    if (items.dim() > 1) {
      page.drawing(items.map(feature, values));
    }
  }

  private static void norms(Page page, ItemEmbeddings items) {
    page.heading("Item embeddings of " + items.model());
    if (items.areNormalized()) {
      page.paragraph(
          "All item embeddings have the same norm: popularity cannot hide in it, only in their"
              + " directions.");
    } else {
      page.paragraph("Where popular items are longer, dot products favour them.")
          .drawing(items.norms());
    }
  }
}
