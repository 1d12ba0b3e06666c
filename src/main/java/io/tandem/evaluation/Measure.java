package io.tandem.evaluation;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What is measured of a query's ranked list, cut off after k items; relevance is binary. */
public enum Measure {
  /** Found relevant items over all relevant items. */
  @JsonProperty("recall")
  RECALL("recall"),

  /** Found relevant items over k, also where the corpus has fewer than k items. */
  @JsonProperty("precision")
  PRECISION("precision"),

  /** Σ 1 / log2(rank + 1) over found items, over the same of an ideal ranking. */
  @JsonProperty("ndcg")
  NDCG("NDCG"),

  /** 1 / rank of the first relevant item, 0 where none is found. */
  @JsonProperty("mrr")
  MRR("MRR"),

  /** 1 where a relevant item is found, else 0. */
  @JsonProperty("hitRate")
  HIT_RATE("hit rate"),

  /**
   * Found relevant items over the mean number of relevant items of a query. Its mean is the share
   * of all held-out items that were found, in which queries with many weigh more than in recall:
   * top-k categorical accuracy, one question for each held-out item.
   */
  @JsonProperty("accuracy")
  ACCURACY("accuracy");

  private final String label;

  Measure(String label) {
    this.label = label;
  }

  /** As tables and plots show it. */
  public String label() {
    return label;
  }
}
