package io.tandem.evaluation;

/**
 * Means over queries of the metrics at one cut-off.
 *
 * @param k cut-off
 * @param queries number of queries with at least one relevant item
 */
public record Metrics(int k, int queries, double recall, double ndcg, double mrr, double hitRate) {}
