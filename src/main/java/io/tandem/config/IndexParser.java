package io.tandem.config;

import io.tandem.config.Section.Range;
import java.util.EnumSet;
import java.util.Set;

/** Reads the index section of a specification. */
final class IndexParser {
  private static final int MAX_DIM = 1024;

  /** Types that principal components may stand in front of. */
  private static final Set<IndexConfig.Type> TRANSFORMED =
      EnumSet.of(
          IndexConfig.Type.HNSW,
          IndexConfig.Type.IVF_FLAT,
          IndexConfig.Type.IVF_SQ8,
          IndexConfig.Type.IVF_FP16,
          IndexConfig.Type.IVF_PQ_FAST_SCAN);

  private IndexParser() {}

  static IndexConfig index(Section section) {
    IndexConfig absent = IndexConfig.of(IndexConfig.Type.AUTO);
    IndexConfig.Type type = section.choice("type", absent.type());
    String factory = section.optionalText("factory");
    if (type == IndexConfig.Type.FACTORY && factory == null) {
      section.missing("factory", "a FAISS factory string, since type is factory");
    }
    if (type != IndexConfig.Type.FACTORY && factory != null) {
      section.problem("factory", "type: factory beside it", "type: " + Section.name(type));
    }
    int pca = section.integer("pca", absent.pca(), 0, MAX_DIM);
    if (pca > 0 && !TRANSFORMED.contains(type)) {
      section.problem("pca", "type: hnsw or ivf_... beside it", "type: " + Section.name(type));
    }
    int opq = section.integer("opq", absent.opq(), 0, MAX_DIM);
    if (opq > 0 && type != IndexConfig.Type.IVF_PQ_FAST_SCAN) {
      section.problem("opq", "type: ivf_pq_fast_scan beside it", "type: " + Section.name(type));
    } else if (opq > 0 && pca > 0) {
      section.problem("opq", "either pca or opq", "both");
    }
    long memoryLimit = section.bytes("memory_limit", absent.memoryLimit());
    if (memoryLimit > 0 && type == IndexConfig.Type.FACTORY) {
      section.problem("memory_limit", "another type than factory beside it", "type: factory");
    }
    IndexConfig index =
        new IndexConfig(
            type,
            section.choice("metric", absent.metric()),
            factory,
            pca,
            opq,
            section.number("min_recall", absent.minRecall(), Range.SHARE_ABOVE_ZERO),
            section.integer("k", absent.k(), 1, 1 << 20),
            memoryLimit,
            new IndexConfig.Graph(
                section.integer("m", absent.graph().m(), 2, 256),
                section.integer("ef_construction", absent.graph().efConstruction(), 8, 1 << 16),
                section.integer("ef_search", absent.graph().efSearch(), 0, 1 << 16)),
            new IndexConfig.Lists(
                section.integer("lists", absent.lists().count(), 0, 1 << 20),
                section.integer("nprobe", absent.lists().nprobe(), 0, 1 << 20),
                section.integer("over_fetch", absent.lists().overFetch(), 0, 1000)));
    section.end();
    return index;
  }
}
