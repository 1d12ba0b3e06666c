package io.tandem.artifact;

import io.tandem.data.DataException;
import io.tandem.data.Rows;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.tower.ExportedTower;
import java.nio.file.Path;

/**
 * The item side of a model for whole catalogues: rows of attributes in, vectors out. Immutable;
 * safe for any number of threads.
 *
 * <pre>{@code
 * ItemTower tower = ItemTower.open(features, towers);
 * FeatureBatch batch = tower.encode(rows);
 * float[] vectors = tower.embed(batch); // [rows × dim]
 * }</pre>
 */
public final class ItemTower {
  private final Features features;
  private final ExportedTower tower;

  private ItemTower(Features features, ExportedTower tower) {
    this.features = features;
    this.tower = tower;
  }

  /**
   * Opens exported towers.
   *
   * @param towers folder that a training exported both towers to
   * @throws DataException if files are damaged or do not fit the features
   */
  public static ItemTower open(Features features, Path towers) {
    return new ItemTower(
        features, ExportedTower.open(towers, ExportedTower.Side.ITEM, features.itemSchema()));
  }

  /** Encoders of both sides. */
  public Features features() {
    return features;
  }

  /** Width of the vectors. */
  public int dim() {
    return tower.dim();
  }

  /** Encodes a chunk of the catalogue. */
  public FeatureBatch encode(Rows rows) {
    FeatureBatch batch = new FeatureBatch(features.itemSchema());
    features.items().encode(rows, batch);
    return batch;
  }

  /** Embeds what was encoded, on the calling thread alone: [rows × dim] row-major. */
  public float[] embed(FeatureBatch batch) {
    float[] vectors = new float[Math.multiplyExact(batch.rows(), dim())];
    tower.embedAll(batch, 1, vectors);
    return vectors;
  }
}
