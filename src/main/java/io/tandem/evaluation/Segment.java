package io.tandem.evaluation;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * The figures of a group of queries, or of a group of items.
 *
 * @param by what the groups are parted by
 * @param group its name
 * @param queries how many queries the means are over
 * @param metrics for a group of queries, recall and NDCG; for a group of items, recall: the found
 *     relevant items of the group over all its relevant items, averaged over the queries that have
 *     any
 */
public record Segment(String by, String group, int queries, Map<Measure, Estimate> metrics) {
  public Segment {
    metrics = Collections.unmodifiableMap(new EnumMap<>(metrics));
  }
}
