package io.tandem.config;

import org.jspecify.annotations.Nullable;

/**
 * How item embeddings are indexed.
 *
 * @param factory a FAISS factory string; given exactly when {@code type} is FACTORY
 * @param minRecall the promised share of the exact top {@code k} that the index finds, in (0, 1]
 * @param k what recall is promised for
 * @param m HNSW: links per node
 * @param efConstruction HNSW: candidates looked at while linking
 * @param efSearch HNSW: candidates looked at while searching; 0 for tuned to {@code minRecall}
 */
public record IndexConfig(
    Type type,
    @Nullable String factory,
    double minRecall,
    int k,
    int m,
    int efConstruction,
    int efSearch) {

  /** FAISS's names. */
  public enum Type {
    /** Chosen from the corpus. */
    AUTO,
    FLAT,
    HNSW,
    FACTORY
  }
}
