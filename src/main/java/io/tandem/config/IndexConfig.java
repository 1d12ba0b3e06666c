package io.tandem.config;

import org.jspecify.annotations.Nullable;

/**
 * How item embeddings are indexed.
 *
 * @param factory a FAISS factory string; given exactly when {@code type} is FACTORY
 * @param pca dimensions that principal components keep in front of the index, 0 for none; what it
 *     finds is rescored with the whole vectors
 * @param opq dimensions that an optimized product quantization (Ge et al. 2013) rotates into, in
 *     front of IVF_PQ_FAST_SCAN; 0 for none
 * @param minRecall the promised share of the exact top {@code k} that the index finds, in (0, 1]
 * @param k what recall is promised for
 * @param memoryLimit bytes that the open index may take, 0 for any; vectors that are kept for
 *     rescoring are mapped from their file and do not count
 */
public record IndexConfig(
    Type type,
    Metric metric,
    @Nullable String factory,
    int pca,
    int opq,
    double minRecall,
    int k,
    long memoryLimit,
    Graph graph,
    Lists lists) {

  /** What is searched, and how vectors are kept in it; FAISS's names. */
  public enum Type {
    /** Chosen from the corpus. */
    AUTO,
    /** Every vector, whole: exact. */
    FLAT,
    /** Every vector, in half precision. */
    FLAT_FP16,
    /** A graph over whole vectors (Malkov and Yashunin 2016). */
    HNSW,
    /** Inverted lists of whole vectors. */
    IVF_FLAT,
    /**
     * Inverted lists of 8 bits a component; the best of the scan are rescored with the whole
     * vectors.
     */
    IVF_SQ8,
    /** Inverted lists in half precision. */
    IVF_FP16,
    /**
     * Inverted lists of product quantizer codes of 4 bits, scanned in vector registers (André et
     * al. 2017); the best of the scan are rescored with the whole vectors.
     */
    IVF_PQ_FAST_SCAN,
    /** Whatever {@code factory} says. */
    FACTORY
  }

  /** What "nearest" means. */
  public enum Metric {
    /** The largest dot product. */
    INNER_PRODUCT,
    /** The smallest angle: vectors and queries are scaled to length 1. */
    COSINE
  }

  /**
   * HNSW's settings.
   *
   * @param m links of a node
   * @param efConstruction candidates looked at while linking
   * @param efSearch candidates looked at while searching; 0 for tuned to the promised recall
   */
  public record Graph(int m, int efConstruction, int efSearch) {}

  /**
   * Settings of inverted lists.
   *
   * @param count number of lists; 0 for chosen by the number of vectors
   * @param nprobe lists looked at while searching; 0 for tuned to the promised recall
   * @param overFetch hits asked of the codes for each one returned, where hits are rescored; 0 for
   *     tuned
   */
  public record Lists(int count, int nprobe, int overFetch) {}

  /** A type with every other setting at its default. */
  public static IndexConfig of(Type type) {
    return new IndexConfig(
        type,
        Metric.INNER_PRODUCT,
        null,
        0,
        0,
        0.95,
        100,
        0,
        new Graph(32, 200, 0),
        new Lists(0, 0, 0));
  }

  /** A FAISS factory string with every other setting at its default. */
  public static IndexConfig ofFactory(String factory) {
    IndexConfig d = of(Type.FACTORY);
    return new IndexConfig(
        d.type, d.metric, factory, d.pca, d.opq, d.minRecall, d.k, d.memoryLimit, d.graph, d.lists);
  }

  public IndexConfig withType(Type newType) {
    return new IndexConfig(
        newType, metric, factory, pca, opq, minRecall, k, memoryLimit, graph, lists);
  }

  public IndexConfig withMetric(Metric newMetric) {
    return new IndexConfig(
        type, newMetric, factory, pca, opq, minRecall, k, memoryLimit, graph, lists);
  }

  public IndexConfig withPca(int dimensions) {
    return new IndexConfig(
        type, metric, factory, dimensions, opq, minRecall, k, memoryLimit, graph, lists);
  }

  public IndexConfig withOpq(int dimensions) {
    return new IndexConfig(
        type, metric, factory, pca, dimensions, minRecall, k, memoryLimit, graph, lists);
  }

  /** Promises a recall at a cut-off. */
  public IndexConfig withRecall(double newMinRecall, int newK) {
    return new IndexConfig(
        type, metric, factory, pca, opq, newMinRecall, newK, memoryLimit, graph, lists);
  }

  public IndexConfig withMemoryLimit(long bytes) {
    return new IndexConfig(type, metric, factory, pca, opq, minRecall, k, bytes, graph, lists);
  }

  public IndexConfig withGraph(Graph newGraph) {
    return new IndexConfig(
        type, metric, factory, pca, opq, minRecall, k, memoryLimit, newGraph, lists);
  }

  public IndexConfig withLists(Lists newLists) {
    return new IndexConfig(
        type, metric, factory, pca, opq, minRecall, k, memoryLimit, graph, newLists);
  }
}
