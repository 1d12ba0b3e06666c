package io.tandem.tower;

import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.Features;
import io.tandem.feature.InputSchema;
import io.tandem.feature.InputSchema.TableShape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Both towers over their embedding tables while training: the tables outside, the networks as
 * Deeplearning4j {@code MultiLayerNetwork}s trained through external errors. One thread at a time.
 *
 * <p>One step: {@link #forwardQueries} and {@link #forwardItems} give U and V, the loss gives its
 * gradients by them, {@link #step} walks back through both towers and updates what was touched.
 */
public final class TowerModel {
  private final Map<TableShape, EmbeddingTable> tables = new LinkedHashMap<>();
  private final Map<TableShape, RowGradients> gradients = new LinkedHashMap<>();
  private final Tower query;
  private final Tower item;

  private @Nullable Mirror mirror;

  /** A copy of the parameters that is trained in place of these. */
  interface Mirror {
    /** Brings its parameters and optimizer state here, if they are newer. */
    void pull();

    /** Takes those from here. */
    void push();
  }

  private TowerModel(TowerShape query, TowerShape item, Optimizer optimizer, long seed) {
    this.query = new Tower(query, tables(query, optimizer, seed), optimizer, seed * 31 + 1);
    this.item = new Tower(item, tables(item, optimizer, seed), optimizer, seed * 31 + 2);
  }

  /** Towers with fresh parameters; equal seeds give equal parameters. */
  public static TowerModel create(
      TowerShape query, TowerShape item, Optimizer optimizer, long seed) {
    if (query.dim() != item.dim()) {
      throw new IllegalArgumentException(
          "towers of dim %d and %d, expected one dim".formatted(query.dim(), item.dim()));
    }
    return new TowerModel(query, item, optimizer, seed);
  }

  /** Width of both outputs. */
  public int dim() {
    return query.shape().dim();
  }

  /** Output of the query tower while training: [rows, dim], valid until the next call. */
  public INDArray forwardQueries(FeatureBatch batch) {
    return query.forward(batch);
  }

  /** Output of the item tower while training: [rows, dim], valid until the next call. */
  public INDArray forwardItems(FeatureBatch batch) {
    return item.forward(batch);
  }

  /**
   * One optimizer step from the gradients of a mean loss by both outputs.
   *
   * @param rateFactor the schedule's factor on both learning rates
   */
  public void step(INDArray queryGradient, INDArray itemGradient, double rateFactor) {
    query.backward(queryGradient, (float) rateFactor);
    item.backward(itemGradient, (float) rateFactor);
    tables.values().parallelStream().forEach(table -> step(table, (float) rateFactor));
  }

  /** Tables are independent of each other; within one, gradients are summed in a fixed order. */
  private void step(EmbeddingTable table, float rateFactor) {
    RowGradients sums = gradientsOf(table.shape());
    sums.clear();
    for (Tower tower : List.of(query, item)) {
      List<InputSchema.Slot> slots = tower.shape().input().slots();
      for (int slot = 0; slot < slots.size(); slot++) {
        if (slots.get(slot).table().equals(table.shape())) {
          tower.scatter(slot, sums);
        }
      }
    }
    table.step(sums, rateFactor);
  }

  /** Embeds queries without dropout into [rows × dim] row-major; streams in bounded memory. */
  public void embedQueries(FeatureBatch batch, float[] target) {
    pull();
    query.embed(batch, target);
  }

  /** Embeds items without dropout into [rows × dim] row-major; streams in bounded memory. */
  public void embedItems(FeatureBatch batch, float[] target) {
    pull();
    item.embed(batch, target);
  }

  /** Names the first parameter that is not finite, or null; reads all of them. */
  public @Nullable String firstNonFinite() {
    pull();
    String found = query.firstNonFinite("query");
    return found == null ? item.firstNonFinite("item") : found;
  }

  /**
   * Writes networks, tables and all optimizer state, so that training continues as if unbroken.
   *
   * @param folder existing and empty
   */
  public void writeCheckpoint(Path folder) {
    pull();
    try {
      Files.writeString(TowerFiles.steps(folder), Integer.toString(query.steps()));
      query.write(folder, ExportedTower.Side.QUERY);
      item.write(folder, ExportedTower.Side.ITEM);
      for (EmbeddingTable table : tables.values()) {
        try (FileChannel channel = create(TowerFiles.table(folder, table.shape()))) {
          table.write(channel);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot write the checkpoint " + folder + ": " + e.getMessage(), e);
    }
  }

  /** Restores what {@link #writeCheckpoint} wrote. */
  public void readCheckpoint(Path folder) {
    try {
      int steps = Integer.parseInt(Files.readString(TowerFiles.steps(folder)));
      query.read(folder, ExportedTower.Side.QUERY, steps);
      item.read(folder, ExportedTower.Side.ITEM, steps);
      for (EmbeddingTable table : tables.values()) {
        Path file = TowerFiles.table(folder, table.shape());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
          table.read(channel);
        }
      }
      Mirror copy = mirror;
      if (copy != null) {
        copy.push();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot read the checkpoint " + folder + ": " + e.getMessage(), e);
    }
  }

  /**
   * Begins with what exported towers learned: embedding rows by the values that they stand for,
   * layers by their shape. What has no counterpart stays fresh; optimizers begin anew.
   *
   * @param features that these towers are over
   * @param earlier that the exported towers were over
   * @param folder of the exported towers
   * @return embedding rows that were taken over
   */
  public long warmStart(Features features, Features earlier, Path folder) {
    long taken = 0;
    try {
      query.warmStart(folder, ExportedTower.Side.QUERY);
      item.warmStart(folder, ExportedTower.Side.ITEM);
      for (EmbeddingTable table : tables.values()) {
        TableShape before = earlier.table(table.shape().name());
        if (before == null) {
          continue;
        }
        int[] rows = features.rowsIn(earlier, table.shape());
        MappedTable exported = MappedTable.open(TowerFiles.table(folder, before), before);
        float[] values = new float[before.dim()];
        for (int row = 0; row < rows.length; row++) {
          if (rows[row] >= 0) {
            exported.row(rows[row], values);
            table.setRow(row, values);
            taken++;
          }
        }
      }
      return taken;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the towers " + folder + ": " + e.getMessage(), e);
    }
  }

  /**
   * Writes both towers for serving (plain weights and tables) and as Deeplearning4j networks.
   *
   * @param folder existing and empty
   */
  public void export(Path folder) {
    pull();
    try {
      query.export(folder, ExportedTower.Side.QUERY);
      item.export(folder, ExportedTower.Side.ITEM);
      for (EmbeddingTable table : tables.values()) {
        try (FileChannel channel = create(TowerFiles.table(folder, table.shape()))) {
          TowerFiles.writeHeader(channel, table.shape());
          table.writeRows(channel);
        }
      }
      Zips.forgetTimes(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot export to " + folder + ": " + e.getMessage(), e);
    }
  }

  private void pull() {
    Mirror copy = mirror;
    if (copy != null) {
      copy.pull();
    }
  }

  void mirroredBy(@Nullable Mirror newMirror) {
    mirror = newMirror;
  }

  /** Of the query and the item tower. */
  public List<TowerShape> shapes() {
    return List.of(query.shape(), item.shape());
  }

  /** 0: the query tower, 1: the item tower. */
  Tower tower(int number) {
    return number == 0 ? query : item;
  }

  Map<TableShape, EmbeddingTable> tables() {
    return tables;
  }

  EmbeddingTable table(TableShape shape) {
    EmbeddingTable table = tables.get(shape);
    if (table == null) {
      throw new IllegalStateException("no table " + shape);
    }
    return table;
  }

  private EmbeddingTable[] tables(TowerShape shape, Optimizer optimizer, long seed) {
    List<InputSchema.Slot> slots = shape.input().slots();
    EmbeddingTable[] ofSlots = new EmbeddingTable[slots.size()];
    for (int slot = 0; slot < ofSlots.length; slot++) {
      TableShape table = slots.get(slot).table();
      ofSlots[slot] =
          tables.computeIfAbsent(
              table,
              t -> new EmbeddingTable(t, optimizer, seed ^ t.name().hashCode() * 0x9E3779B9L));
      gradients.computeIfAbsent(table, t -> new RowGradients(t.dim()));
    }
    return ofSlots;
  }

  private RowGradients gradientsOf(TableShape shape) {
    RowGradients found = gradients.get(shape);
    if (found == null) {
      throw new IllegalStateException("no table " + shape);
    }
    return found;
  }

  private static FileChannel create(Path file) throws IOException {
    return FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }
}
