package io.tandem.rebuild;

import io.tandem.artifact.OpenVersion;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.index.TopK;
import io.tandem.tower.ExportedTower;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Queries put to an open version as a service puts them: one at a time, tower and index. */
final class Asked {
  private final OpenVersion version;
  private final @Nullable FeatureBatch batch;
  private final int queries;
  private final ExportedTower.@Nullable Scratch scratch;
  private final float[] vector;
  private final TopK hits = new TopK();

  /**
   * @param encode turns the queries into rows for the version's tower
   */
  Asked(OpenVersion version, int queries, Function<Features, FeatureBatch> encode) {
    this.version = version;
    this.queries = queries;
    OpenVersion.QuerySide side = version.querySide();
    batch = side == null ? null : encode.apply(side.features());
    scratch = side == null ? null : side.tower().scratch();
    vector = new float[version.index().dimension()];
  }

  int queries() {
    return queries;
  }

  OpenVersion version() {
    return version;
  }

  /** The rows nearest to a query, best first; valid until the next call. */
  TopK top(int query, int k) {
    OpenVersion.QuerySide side = version.querySide();
    if (side != null && batch != null && scratch != null) {
      side.tower().embed(batch, query, scratch, vector);
    } else {
      Arrays.fill(vector, 1);
    }
    version.index().search(vector, k, hits);
    return hits;
  }

  /** Keys of the items nearest to a query, best first. */
  List<String> keys(int query, int k) {
    TopK top = top(query, k);
    List<String> keys = new ArrayList<>(top.size());
    for (int rank = 0; rank < top.size(); rank++) {
      keys.add(version.items().key(top.row(rank)));
    }
    return keys;
  }

  /** Times of queries in milliseconds, ascending: all of them, again and again. */
  double[] millis(int k, int atLeast) {
    for (int query = 0; query < queries; query++) {
      top(query, k);
    }
    double[] millis = new double[queries == 0 ? 0 : Math.max(atLeast, queries)];
    for (int i = 0; i < millis.length; i++) {
      long begin = System.nanoTime();
      top(i % queries, k);
      millis[i] = (System.nanoTime() - begin) / 1e6;
    }
    Arrays.sort(millis);
    return millis;
  }
}
