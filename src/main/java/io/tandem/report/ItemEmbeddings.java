package io.tandem.report;

import io.tandem.evaluation.PrincipalComponents;
import io.tandem.report.Scatter.Axis;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * What a model learned of its items, as pictures.
 *
 * @param model its name
 * @param vectors [items × dim] row-major, finite
 * @param interactions [items] training interactions of each item
 */
public record ItemEmbeddings(String model, float[] vectors, int dim, long[] interactions) {
  /** Values of a feature with a colour of their own. */
  private static final int COLORS = 8;

  /** Where items without training interactions are drawn on a logarithmic axis. */
  private static final double NEVER = 0.5;

  public ItemEmbeddings {
    if (vectors.length != (long) dim * interactions.length) {
      throw new IllegalArgumentException(
          "%d numbers are not %d rows of %d".formatted(vectors.length, interactions.length, dim));
    }
  }

  /** Whether all embeddings are equally long, as those of a model that normalizes them. */
  public boolean areNormalized() {
    double[] lengths = lengths();
    double least = Arrays.stream(lengths).min().orElse(0);
    double most = Arrays.stream(lengths).max().orElse(0);
    return most - least <= 1e-3 * most;
  }

  /**
   * Norms against training interactions. Where popular items are longer, dot products favour them
   * whatever the query.
   */
  public Scatter norms() {
    double[] x =
        Arrays.stream(interactions).mapToDouble(count -> count == 0 ? NEVER : count).toArray();
    return new Scatter(
            model + ": norm of item embeddings",
            "training interactions (items without any stand at 0.5)",
            "norm",
            Axis.LOGARITHMIC)
        .add("items", x, lengths());
  }

  /**
   * A map of the items by their two principal components, in one colour.
   *
   * @see #map(String, IntFunction)
   */
  public Scatter map() {
    PrincipalComponents components = PrincipalComponents.of(vectors, dim);
    return emptyMap(components, "").add("items", components.x(), components.y());
  }

  /**
   * A map of the items by their two principal components, coloured by a feature: the most frequent
   * values each have a colour. An item of several values takes the first of them that has one.
   *
   * @param feature its name
   * @param values of each item, by its number; empty where it has none
   */
  public Scatter map(String feature, IntFunction<List<String>> values) {
    List<String> shown = mostFrequent(values);
    List<List<Integer>> items = new ArrayList<>();
    for (int group = 0; group <= shown.size(); group++) {
      items.add(new ArrayList<>());
    }
    for (int item = 0; item < interactions.length; item++) {
      items.get(group(values.apply(item), shown)).add(item);
    }
    PrincipalComponents components = PrincipalComponents.of(vectors, dim);
    Scatter map = emptyMap(components, ", by " + feature);
    for (int group = 0; group <= shown.size(); group++) {
      List<Integer> members = items.get(group);
      if (!members.isEmpty()) {
        map.add(
            group < shown.size() ? shown.get(group) : "other or none",
            members.stream().mapToDouble(item -> components.x()[item]).toArray(),
            members.stream().mapToDouble(item -> components.y()[item]).toArray());
      }
    }
    return map;
  }

  private Scatter emptyMap(PrincipalComponents components, String by) {
    return new Scatter(
        model + ": item embeddings" + by,
        axis("first", components.xShare()),
        axis("second", components.yShare()),
        Axis.LINEAR);
  }

  private static String axis(String which, double share) {
    return String.format(
        Locale.ROOT, "%s principal component (%.0f %% of the variance)", which, 100 * share);
  }

  /** The most frequent values, most frequent first, equally frequent ones in their order. */
  private List<String> mostFrequent(IntFunction<List<String>> values) {
    Map<String, Integer> counts = new HashMap<>();
    for (int item = 0; item < interactions.length; item++) {
      for (String value : values.apply(item)) {
        counts.merge(value, 1, Integer::sum);
      }
    }
    Comparator<Map.Entry<String, Integer>> byCount =
        Map.Entry.comparingByValue(Collections.reverseOrder());
    return counts.entrySet().stream()
        .sorted(byCount.thenComparing(Map.Entry.comparingByKey()))
        .limit(COLORS)
        .map(Map.Entry::getKey)
        .toList();
  }

  private static int group(List<String> values, List<String> shown) {
    return values.stream()
        .mapToInt(shown::indexOf)
        .filter(group -> group >= 0)
        .findFirst()
        .orElse(shown.size());
  }

  private double[] lengths() {
    double[] lengths = new double[interactions.length];
    for (int item = 0; item < lengths.length; item++) {
      double squares = 0;
      for (int d = 0; d < dim; d++) {
        double value = vectors[item * dim + d];
        squares += value * value;
      }
      lengths[item] = Math.sqrt(squares);
    }
    return lengths;
  }
}
