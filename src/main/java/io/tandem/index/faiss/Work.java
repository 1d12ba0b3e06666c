package io.tandem.index.faiss;

import io.tandem.faiss.Faiss;
import io.tandem.faiss.binding.global.faiss;
import io.tandem.index.TopK;
import org.bytedeco.javacpp.FloatPointer;

/**
 * What searches cost, counted. The unit is the comparison of a query with one whole vector in a
 * scan over all of them; what other comparisons cost in this unit was measured for 64 dimensions
 * with AVX2. Counts depend on the data alone, so that the same data lead to the same choices
 * anywhere.
 */
final class Work {
  /** A vector of a graph lies anywhere in memory, and is sorted in among the candidates. */
  private static final double IN_GRAPH = 6;

  /** A vector or code of inverted lists. */
  private static final double IN_LIST = 1.7;

  /** A code of 8 bits a component, or the code of a centroid. */
  private static final double CODED = 0.5;

  /** A code of 4 bits a component pair, of which a register holds 32. */
  private static final double FAST = 0.6;

  /** A whole vector fetched to score a hit again. */
  private static final double RESCORED = 5;

  private Work() {}

  /** Work of one search for the sample's cut-off at the index's present setting, on average. */
  static double of(FaissIndex index, Sample sample, int overFetch) {
    Structure structure = index.structure();
    int fetch = Math.min(index.size(), sample.k() * overFetch);
    double rescored = index.rescores() ? RESCORED * fetch : 0;
    return rescored
        + scans(index, sample)
        + switch (structure.kind()) {
          case FLAT, OTHER -> index.size();
          case GRAPH -> IN_GRAPH * graphWork(structure, sample, fetch);
          case LISTS ->
              CODED * structure.listCount()
                  + (structure.scansCodes() ? CODED : IN_LIST) * codes(structure, sample);
          case FAST_SCAN -> structure.listCount() + FAST * codes(structure, sample);
        };
  }

  /** Rows that searches look at because the structure found too few: all of them, each time. */
  private static double scans(FaissIndex index, Sample sample) {
    if (index.structure().kind() == Structure.Kind.FLAT) {
      return 0;
    }
    TopK hits = new TopK();
    long scans = 0;
    for (int i = 0; i < sample.n(); i++) {
      index.search(sample.query(i), sample.k(), hits);
      // The structure alone compares no row twice.
      scans += hits.scanned() > index.size() ? 1 : 0;
    }
    return (double) scans * index.size() / sample.n();
  }

  private static double graphWork(Structure structure, Sample sample, int fetch) {
    SearchBuffers buffers = new SearchBuffers(sample.exact().dimension(), fetch);
    long compared = 0;
    for (int i = 0; i < sample.n(); i++) {
      buffers.query.put(0, sample.query(i));
      compared += structure.search(buffers, 1, fetch);
    }
    return (double) compared / sample.n();
  }

  private static double codes(Structure structure, Sample sample) {
    try (FloatPointer queries = new FloatPointer(sample.queries())) {
      int probes = structure.effort();
      long codes =
          Faiss.call(() -> faiss.probed_codes(structure.index(), sample.n(), queries, probes));
      return (double) codes / sample.n();
    }
  }
}
