package io.tandem.config;

import io.tandem.config.RebuildConfig.Gates;
import io.tandem.config.Section.Range;

/** Reads the rebuild section of a specification. */
final class RebuildParser {
  private RebuildParser() {}

  static RebuildConfig rebuild(Section section, IndexConfig index) {
    RebuildConfig absent = RebuildConfig.DEFAULT;
    RebuildConfig rebuild =
        new RebuildConfig(
            section.integer("keep", absent.keep(), 1, 1 << 20),
            section.integer("probes", absent.probes(), 1, 1 << 20),
            section.integer("k", absent.k(), 1, 1 << 16),
            section.integer("max_queries", absent.maxQueries(), 1, Integer.MAX_VALUE),
            section.flag("reproducible", absent.reproducible()),
            gates(section.section("gates"), absent.gates(), index));
    section.end();
    return rebuild;
  }

  private static Gates gates(Section section, Gates absent, IndexConfig index) {
    Gates gates =
        new Gates(
            section.number("min_size", absent.minSize(), Range.NOT_NEGATIVE),
            section.number("max_size", absent.maxSize(), Range.POSITIVE),
            section.number("max_missing", absent.maxMissing(), Range.NOT_NEGATIVE),
            section.number("max_zero", absent.maxZero(), Range.NOT_NEGATIVE),
            section.number("max_equal", absent.maxEqual(), Range.NOT_NEGATIVE),
            section.number("max_norm_drift", absent.maxNormDrift(), Range.NOT_NEGATIVE),
            section.number("min_dimensions", absent.minDimensions(), Range.NOT_NEGATIVE),
            section.number("min_index_recall", index.minRecall(), Range.NOT_NEGATIVE),
            section.number("max_quality_drop", absent.maxQualityDrop(), Range.NOT_NEGATIVE),
            section.number("min_overlap", absent.minOverlap(), Range.NOT_NEGATIVE),
            section.number("max_p99_millis", absent.maxP99Millis(), Range.POSITIVE));
    if (gates.minSize() > gates.maxSize()) {
      section.problem("min_size", "at most max_size, " + gates.maxSize(), "" + gates.minSize());
    }
    section.end();
    return gates;
  }
}
