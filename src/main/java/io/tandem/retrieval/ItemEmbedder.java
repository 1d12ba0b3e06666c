package io.tandem.retrieval;

import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.OpenVersion.QuerySide;
import io.tandem.feature.FeatureBatch;
import io.tandem.tower.ExportedTower;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Added items to vectors, by one version's item tower, which is opened when first used. */
final class ItemEmbedder {
  private final OpenVersion version;
  private final Set<String> keyColumns;
  private @Nullable Side side;

  ItemEmbedder(OpenVersion version) {
    this.version = version;
    Set<String> columns = new HashSet<>();
    columns.add(version.version().manifest().itemKey());
    QuerySide querySide = version.querySide();
    if (querySide != null) {
      columns.addAll(querySide.features().itemKeyColumns());
    }
    keyColumns = Set.copyOf(columns);
  }

  private record Side(ExportedTower tower, ExportedTower.Scratch scratch, FeatureBatch batch) {}

  ItemValues values(String key, Item item) {
    return new ItemValues(key, keyColumns, item);
  }

  /**
   * The item's embedding. Without towers it is what it was, and for a new item nothing: a count of
   * interactions, of which it has none.
   *
   * @param row of the item in the version, or -1
   */
  synchronized float[] embed(String key, Item item, int row) {
    float[] vector = new float[version.index().dimension()];
    QuerySide querySide = version.querySide();
    if (querySide == null) {
      if (row >= 0) {
        version.index().vector(row, vector);
      }
      return vector;
    }
    Side opened = side;
    if (opened == null) {
      ExportedTower tower = version.openItemTower();
      opened =
          new Side(tower, tower.scratch(), new FeatureBatch(querySide.features().itemSchema()));
      side = opened;
    }
    opened.batch.clear();
    querySide.features().items().encode(values(key, item), opened.batch);
    opened.tower.embed(opened.batch, 0, opened.scratch, vector);
    return vector;
  }
}
