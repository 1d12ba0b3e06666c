package io.tandem.tower;

import io.tandem.config.ModelConfig.Combine;
import io.tandem.data.DataException;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A tower for serving: plain weights and memory-mapped embedding tables, no Deeplearning4j, no
 * lock. Outputs equal the network's to 1e-5. Immutable; safe for any number of threads, each with
 * its own {@link Scratch}.
 */
public final class ExportedTower {
  /**
   * Rows that pass a layer together when many are embedded: enough for a matrix product to reach
   * its rate, few enough for the second-level cache.
   */
  private static final int BLOCK = 512;

  private final InputSchema schema;
  private final MappedTable[] tables;
  private final @Nullable SequencePooling[] sequences;
  private final DenseLayers layers;
  private final TowerShape shape;

  private ExportedTower(
      TowerShape shape,
      MappedTable[] tables,
      @Nullable SequencePooling[] sequences,
      DenseLayers layers) {
    this.shape = shape;
    this.schema = shape.input();
    this.tables = tables;
    this.sequences = sequences;
    this.layers = layers;
  }

  /** Which tower. */
  public enum Side {
    QUERY,
    ITEM
  }

  /**
   * Opens a tower that {@link TowerModel#export} wrote.
   *
   * @throws DataException if files are damaged or do not fit the schema
   */
  public static ExportedTower open(Path folder, Side side, InputSchema schema) {
    Path file = TowerFiles.weights(folder, side);
    Weights weights = Weights.read(file);
    TowerShape shape = weights.shape(file, schema);
    List<InputSchema.Slot> slots = schema.slots();
    MappedTable[] tables = new MappedTable[slots.size()];
    SequencePooling[] sequences = new SequencePooling[slots.size()];
    for (int slot = 0; slot < tables.length; slot++) {
      InputSchema.Slot layout = slots.get(slot);
      InputSchema.TableShape table = layout.table();
      tables[slot] = MappedTable.open(TowerFiles.table(folder, table), table);
      sequences[slot] =
          SequencePooling.open(layout, tables[slot], TowerFiles.sequence(folder, side, layout));
    }
    return new ExportedTower(shape, tables, sequences, new DenseLayers(weights));
  }

  /** Width of the output. */
  public int dim() {
    return layers.outputWidth();
  }

  /** Buffers of one thread. */
  public Scratch scratch() {
    return new Scratch(layers.buffers());
  }

  /**
   * Embeds one row of a batch into [dim]; allocates nothing.
   *
   * @throws IllegalArgumentException for a batch of another layout, or a row outside it
   */
  public void embed(FeatureBatch batch, int row, Scratch scratch, float[] target) {
    check(batch);
    if (row < 0 || row >= batch.rows()) {
      throw new IllegalArgumentException("row %d of a batch of %d".formatted(row, batch.rows()));
    }
    assemble(batch, row, scratch, 0);
    layers.apply(scratch.activations, target);
  }

  /**
   * Embeds every row into [rows × dim] row-major. Equal to {@link #embed} to rounding; memory
   * beside the arguments does not grow with the rows.
   *
   * @param threads at least 1
   */
  public void embedAll(FeatureBatch batch, int threads, float[] target) {
    check(batch);
    if (batch.rows() == 0) {
      return;
    }
    int blocks = (batch.rows() + BLOCK - 1) / BLOCK;
    int workers = Math.max(1, Math.min(threads, blocks));
    if (workers == 1) {
      embedBlocks(batch, 0, 1, blocks, target);
      return;
    }
    ForkJoinPool pool = new ForkJoinPool(workers);
    try {
      pool.submit(
              () ->
                  IntStream.range(0, workers)
                      .parallel()
                      .forEach(worker -> embedBlocks(batch, worker, workers, blocks, target)))
          .join();
    } finally {
      pool.shutdown();
    }
  }

  private void embedBlocks(
      FeatureBatch batch, int worker, int workers, int blocks, float[] target) {
    int most = Math.min(BLOCK, batch.rows());
    Scratch scratch = new Scratch(new float[][] {new float[most * shape.inputWidth()]});
    try (BlasLayers products = new BlasLayers(layers.weights(), most)) {
      for (int block = worker; block < blocks; block += workers) {
        int from = block * BLOCK;
        int count = Math.min(BLOCK, batch.rows() - from);
        for (int row = 0; row < count; row++) {
          assemble(batch, from + row, scratch, row);
        }
        products.apply(scratch.activations[0], count, target, from * dim());
      }
    }
  }

  private void check(FeatureBatch batch) {
    if (!batch.schema().equals(schema)) {
      throw new IllegalArgumentException("the batch has another layout than the tower");
    }
  }

  /** Gathers and pools a row's input. */
  private void assemble(FeatureBatch batch, int row, Scratch scratch, int place) {
    float[] input = scratch.activations[0];
    int width = shape.inputWidth();
    int at = place * width;
    boolean apart = shape.combine() == Combine.CONCAT;
    Arrays.fill(input, at, at + width, 0);
    for (int slot = 0; slot < tables.length; slot++) {
      InputSchema.Slot layout = schema.slots().get(slot);
      int dim = layout.table().dim();
      int start = batch.start(slot, row);
      int end = batch.end(slot, row);
      int offset = at + scratch.offsets[slot];
      int[] ids = batch.ids(slot);
      SequencePooling sequence = sequences[slot];
      SequencePooling.Scratch pooling = scratch.pooling[slot];
      if (sequence != null && pooling != null) {
        sequence.add(ids, start, end, pooling, input, offset);
        continue;
      }
      if (end - start == 1 && apart) {
        // One value has all the weight.
        tables[slot].row(ids[start], input, offset);
        continue;
      }
      float[] embedding = scratch.row;
      for (int i = start; i < end; i++) {
        float weight = SlotPooling.weight(layout, i - start, end - start);
        tables[slot].row(ids[i], embedding);
        for (int j = 0; j < dim; j++) {
          input[offset + j] += weight * embedding[j];
        }
      }
    }
    int dense = schema.denseWidth();
    System.arraycopy(batch.dense(), row * dense, input, at + width - dense, dense);
  }

  /** Intermediate activations; not to be shared between threads. */
  public final class Scratch {
    private final float[][] activations;
    private final float[] row;
    private final int[] offsets;
    private final SequencePooling.@Nullable Scratch[] pooling;

    private Scratch(float[][] activations) {
      this.activations = activations;
      offsets = new int[tables.length];
      pooling = new SequencePooling.Scratch[tables.length];
      for (int slot = 0; slot < tables.length; slot++) {
        offsets[slot] = shape.offset(slot);
        SequencePooling sequence = sequences[slot];
        pooling[slot] = sequence == null ? null : sequence.scratch();
      }
      int widest = 1;
      for (InputSchema.Slot slot : schema.slots()) {
        widest = Math.max(widest, slot.table().dim());
      }
      row = new float[widest];
    }
  }
}
