package io.tandem.tower;

import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.TableShape;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Files of exported towers:
 *
 * <ul>
 *   <li>{@code query.weights}, {@code item.weights}: layers as plain numbers, see {@link Weights}
 *   <li>{@code query.zip}, {@code item.zip}: the same as Deeplearning4j networks
 *   <li>{@code query.FEATURE.sequence}, {@code query.FEATURE.zip}: a sequence network, likewise
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

  static Path sequence(Path folder, ExportedTower.Side side, InputSchema.Slot slot) {
    return folder.resolve(name(side) + "." + encoded(slot.feature()) + ".sequence");
  }

  static Path sequenceNetwork(Path folder, ExportedTower.Side side, InputSchema.Slot slot) {
    return folder.resolve(name(side) + "." + encoded(slot.feature()) + ".zip");
  }

  /** Of a checkpoint: optimizer steps so far. */
  static Path steps(Path folder) {
    return folder.resolve("steps");
  }

  static Path table(Path folder, TableShape table) {
    return folder.resolve(encoded(table.name()) + ".table");
  }

  /** Writes what stands before a table's rows. */
  static void writeHeader(FileChannel channel, TableShape table) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(TABLE_HEADER).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(TABLE_MAGIC).putInt(table.rows()).putInt(table.dim()).flip();
    while (header.hasRemaining()) {
      channel.write(header);
    }
  }

  private static String encoded(String name) {
    return URLEncoder.encode(name, StandardCharsets.UTF_8);
  }

  static String name(ExportedTower.Side side) {
    return side.name().toLowerCase(Locale.ROOT);
  }
}
