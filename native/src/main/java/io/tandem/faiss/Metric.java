package io.tandem.faiss;

/** How FAISS compares a query with an item. The constants' codes are FAISS's {@code MetricType}. */
public enum Metric {
  /** Dot product: greater is nearer, results come in descending order. */
  INNER_PRODUCT(0),
  /** Squared Euclidean distance: smaller is nearer, results come in ascending order. */
  L2(1);

  private final int code;

  Metric(int code) {
    this.code = code;
  }

  /** FAISS's number for this metric, for calls of the generated binding. */
  public int code() {
    return code;
  }
}
