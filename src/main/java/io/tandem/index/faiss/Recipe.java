package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.index.IndexException;

/**
 * How an index of some type over some vectors is made.
 *
 * @param name FAISS's name, as users see it
 * @param factory FAISS's factory string
 * @param keepsVectors whether whole vectors are kept beside it, for rescoring
 * @param bytes memory that it takes when open, estimated
 */
record Recipe(String name, String factory, boolean keepsVectors, long bytes) {
  /** Vectors that FAISS wants for each centroid that it learns; fewer bring a warning. */
  static final int PER_CENTROID = 39;

  /** Rows of a block of fast-scan codes. */
  private static final long FAST_BLOCK = 32;

  /** Row number and place of a row in inverted lists. */
  private static final long LISTED = 2L * Long.BYTES;

  /**
   * @param n number of vectors, at least 1
   */
  static Recipe of(IndexConfig config, int n, int dimension) {
    checkDimensions(config, dimension);
    int lists = lists(config, n);
    int reduced = config.pca() > 0 ? config.pca() : config.opq() > 0 ? config.opq() : dimension;
    String before = config.pca() > 0 ? "PCA" + config.pca() + "," : "";
    boolean kept = reduced != dimension || config.opq() > 0;
    long whole = (long) reduced * Float.BYTES;
    return switch (config.type()) {
      case FLAT -> exact("Flat", whole * n);
      case FLAT_FP16 -> exact("SQfp16", whole / 2 * n);
      case HNSW -> {
        String name = before + "HNSW" + config.graph().m();
        // Level 0 holds 2 m links; the levels above hold m more for every m-th node.
        long links = (2L * config.graph().m() + 2) * Integer.BYTES;
        // Codes of 8 bits that the graph is walked by, and their scale.
        long coded = (reduced + 15L) / 16 * 16 + Float.BYTES;
        yield new Recipe(name, name + ",Flat", kept, (whole + links + 12 + coded) * n);
      }
      case IVF_FLAT -> listed(before, lists, "Flat", kept, n, whole, whole);
      case IVF_SQ8 -> listed(before, lists, "SQ8", true, n, reduced, whole);
      case IVF_FP16 -> listed(before, lists, "SQfp16", kept, n, whole / 2, whole);
      case IVF_PQ_FAST_SCAN -> {
        int codes = codes(reduced);
        String rotated = config.opq() > 0 ? "OPQ" + codes + "_" + reduced + "," : before;
        // No table of places: rows are scored by the vectors beside. The last block of a list is
        // half empty.
        long size = codes / 2 + Long.BYTES - LISTED;
        long block = whole + FAST_BLOCK / 2 * codes / 2;
        yield listed(rotated, lists, "PQ" + codes + "x4fs", true, n, size, block);
      }
      case FACTORY -> exact(factory(config), whole * n);
      case AUTO -> throw new IllegalArgumentException("expected a type, found auto");
    };
  }

  private static String factory(IndexConfig config) {
    String factory = config.factory();
    if (factory == null) {
      throw new IllegalArgumentException("expected a factory string, found none");
    }
    return factory;
  }

  private static Recipe exact(String name, long bytes) {
    return new Recipe(name, name, false, bytes);
  }

  private static Recipe listed(
      String before, int lists, String codes, boolean kept, int n, long code, long perList) {
    String name = before + "IVF" + lists + "," + codes;
    // A centroid's own code is a quarter of it.
    return new Recipe(
        name, name, kept, (code + LISTED) * n + (perList + perList / 4 + LISTED) * lists);
  }

  /** 4 √n lists: finding the nearest of them then costs about as much as scanning them. */
  private static int lists(IndexConfig config, int n) {
    if (config.lists().count() > 0) {
      return config.lists().count();
    }
    int most = Math.max(1, n / PER_CENTROID);
    return (int) Math.max(1, Math.min(most, Math.round(4 * Math.sqrt(n))));
  }

  /** One code for every 2 components: the finest that 4 bits are used for. */
  private static int codes(int dimension) {
    return dimension % 2 == 0 ? dimension / 2 : dimension;
  }

  private static void checkDimensions(IndexConfig config, int dimension) {
    if (config.pca() > dimension || config.opq() > dimension) {
      throw new IndexException(
          "expected %s of at most the vectors' dimension %d, found %d"
              .formatted(
                  config.pca() > 0 ? "pca" : "opq",
                  dimension,
                  Math.max(config.pca(), config.opq())));
    }
  }
}
