package io.tandem.retrieval;

import com.google.common.cache.Cache;
import com.google.common.cache.CacheBuilder;
import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.OpenVersion.QuerySide;
import io.tandem.config.FeatureSpec;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Queries to vectors, by one version's query tower. Safe for any number of threads; no lock. */
final class Embedder {
  private final OpenVersion version;
  private final Set<String> keyColumns;
  private final Map<String, Integer> sequences;

  /** Vectors of queries asked before; null where they are not kept. */
  private final @Nullable Cache<Query, float[]> cache;

  /**
   * @param cached how many queries' vectors to keep
   */
  Embedder(OpenVersion version, int cached) {
    this.version = version;
    QuerySide querySide = version.querySide();
    Set<String> columns = new HashSet<>();
    columns.add(version.version().manifest().queryKey());
    Map<String, Integer> lengths = new HashMap<>();
    if (querySide != null) {
      columns.addAll(querySide.features().queryKeyColumns());
      for (FeatureSpec feature : querySide.features().spec().query()) {
        if (feature instanceof FeatureSpec.Sequence sequence) {
          lengths.put(sequence.name(), sequence.maxLength());
        }
      }
    }
    keyColumns = Set.copyOf(columns);
    sequences = Map.copyOf(lengths);
    cache =
        cached == 0 || querySide == null
            ? null
            : CacheBuilder.newBuilder().maximumSize(cached).build();
  }

  /** Number of the query in the stored history, or -1. */
  int known(Query query) {
    for (String column : keyColumns) {
      String key = Raw.text(query.value(column));
      int known = key == null ? -1 : version.history().query(key);
      if (known >= 0) {
        return known;
      }
    }
    return -1;
  }

  /** Whether a list given by this name is of items that the query touched before. */
  boolean isSequence(String name) {
    return version.querySide() == null || sequences.containsKey(name);
  }

  /**
   * Writes a query's vector to {@code scratch.vector}.
   *
   * @param known as {@link #known}
   */
  void embed(Query query, int known, Scratch scratch) {
    if (cache == null) {
      compute(query, known, scratch);
      return;
    }
    float[] kept = cache.getIfPresent(query);
    if (kept != null) {
      System.arraycopy(kept, 0, scratch.vector, 0, kept.length);
    } else {
      compute(query, known, scratch);
      cache.put(query, scratch.vector.clone());
    }
  }

  private void compute(Query query, int known, Scratch scratch) {
    QuerySide querySide = version.querySide();
    if (querySide == null || scratch.batch == null || scratch.tower == null) {
      scratch.vector[0] = 1;
      return;
    }
    scratch.batch.clear();
    QueryValues values =
        new QueryValues(query, known, version.history(), version.items(), sequences);
    querySide.features().queries().encode(values, scratch.batch);
    querySide.tower().embed(scratch.batch, 0, scratch.tower, scratch.vector);
  }
}
