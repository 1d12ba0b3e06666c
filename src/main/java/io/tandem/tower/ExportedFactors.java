package io.tandem.tower;

import io.tandem.baseline.ImplicitAls;
import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.feature.InputSchema;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Matrix factorization by ALS in the form of exported towers: an item's embedding is its vector, a
 * query's is folded in from its history. {@link ExportedTower} opens it like any other.
 */
public final class ExportedFactors {
  private ExportedFactors() {}

  /**
   * Writes both sides.
   *
   * @param folder existing and empty
   * @param query of one slot, folded in, over the same table as {@code item}'s
   * @param item of one slot, the item's id
   * @param vectors [rows of the table × dim] row-major
   * @param catalogue items in training, those without an interaction included
   */
  public static void write(
      Path folder,
      InputSchema query,
      InputSchema item,
      float[] vectors,
      ImplicitAls.Settings settings,
      int catalogue) {
    InputSchema.TableShape table = item.slots().get(0).table();
    try (FileChannel channel =
        FileChannel.open(
            TowerFiles.table(folder, table),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE)) {
      TowerFiles.writeHeader(channel, table);
      EmbeddingTable.write(new float[][] {vectors}, channel);
      Weights sum =
          new Weights(
              new int[] {settings.dim()},
              new float[0][],
              new float[0][],
              Combine.SUM,
              Activation.RELU,
              false);
      sum.write(TowerFiles.weights(folder, ExportedTower.Side.QUERY));
      sum.write(TowerFiles.weights(folder, ExportedTower.Side.ITEM));
      FoldInPooling.write(
          TowerFiles.sequence(folder, ExportedTower.Side.QUERY, query.slots().get(0)),
          settings,
          catalogue);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot export to " + folder + ": " + e.getMessage(), e);
    }
  }
}
