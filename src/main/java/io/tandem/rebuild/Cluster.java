package io.tandem.rebuild;

import io.tandem.config.IndexConfig;
import io.tandem.data.KeyTable;
import io.tandem.index.BuiltIndex;
import java.util.List;

/**
 * Machines that embedded a catalogue with the current version's towers and build its index: the
 * part of a rebuild that grows too large for one.
 */
public interface Cluster {
  /** Keys that {@link Indexed} names. */
  int NAMED = 5;

  /**
   * Is asked before any work.
   *
   * @throws IllegalArgumentException if it cannot build such an index
   */
  void requireBuildable(IndexConfig config);

  /**
   * Builds the index of a catalogue.
   *
   * @param items keys in the order of the index's rows
   * @param queries [n × dimension] to measure recall with
   * @return what FAISS on this machine would make of the same vectors
   */
  Indexed index(KeyTable items, IndexConfig config, float[] queries, int n);

  /**
   * What was built.
   *
   * @param notFinite vectors that were not finite; they are in the index as zeros, and a gate tells
   *     of them
   * @param firstNotFinite keys of the first {@value #NAMED} of these
   */
  record Indexed(BuiltIndex index, int notFinite, List<String> firstNotFinite) {
    public Indexed {
      firstNotFinite = List.copyOf(firstNotFinite);
    }
  }
}
