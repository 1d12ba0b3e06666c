package io.tandem.tower;

import io.tandem.feature.InputSchema.TableShape;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Files of exported towers:
 *
 * <ul>
 *   <li>{@code query.weights}, {@code item.weights}: layers as plain numbers, see {@link Weights}
 *   <li>{@code query.zip}, {@code item.zip}: the same as Deeplearning4j networks
 *   <li>{@code NAME.table}: an embedding table: magic, rows, dim, then rows × dim floats, all
 *       little-endian
 * </ul>
 */
final class TowerFiles {
  static final long TABLE_MAGIC = 0x31_42_41_54_4d_44_4e_54L; // TNDMTAB1
  static final int TABLE_HEADER = 16;

  private TowerFiles() {}

  static Path weights(Path folder, ExportedTower.Side side) {
    return folder.resolve(name(side) + ".weights");
  }

  static Path network(Path folder, ExportedTower.Side side) {
    return folder.resolve(name(side) + ".zip");
  }

  static Path table(Path folder, TableShape table) {
    return folder.resolve(URLEncoder.encode(table.name(), StandardCharsets.UTF_8) + ".table");
  }

  static String name(ExportedTower.Side side) {
    return side.name().toLowerCase(Locale.ROOT);
  }
}
