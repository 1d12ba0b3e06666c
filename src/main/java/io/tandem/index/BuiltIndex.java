package io.tandem.index;

import java.util.Map;

/**
 * An index fresh from its builder, and what is known about it.
 *
 * @param index belongs to whoever receives this
 * @param type FAISS's name of the structure, as {@link VectorIndex#type()}
 * @param parameters settings that were chosen or given, by FAISS's names, such as {@code efSearch}
 * @param recall measured share of the exact top {@code recallAt} that the index finds, in [0, 1]
 * @param recallAt cut-off of {@code recall}
 * @param report what else was measured
 */
public record BuiltIndex(
    VectorIndex index,
    String type,
    Map<String, Integer> parameters,
    double recall,
    int recallAt,
    IndexReport report) {
  public BuiltIndex {
    parameters = Map.copyOf(parameters);
  }
}
