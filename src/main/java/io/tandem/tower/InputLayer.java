package io.tandem.tower;

import io.tandem.backend.HostMemory;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import io.tandem.tower.sequence.Mode;
import io.tandem.tower.sequence.SequenceNetwork;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What comes before a tower's first layer while training: rows of embedding tables gathered and
 * pooled, by sequence networks where a slot has one, side by side or added up. One thread at a
 * time.
 */
final class InputLayer {
  private static final int BLOCK = 256;
  private static final int EMPTY = -1;

  private final TowerShape shape;
  private final EmbeddingTable[] tables;
  private final @Nullable SequenceNetwork[] sequences;
  private final int width;

  private FeatureBatch batch;
  private float[] input = new float[0];
  private @Nullable INDArray inputArray;
  private float[] inputGradient = new float[0];

  /** By slot with a network: its output, [positions, dim]. */
  private final @Nullable INDArray[] outputs;

  private final @Nullable FloatBuffer[] outputValues;

  /** By slot with a network: position whose output each row takes, or EMPTY. */
  private final int[][] positionOf;

  private final float[][] positionGradients;
  private int[] segmentEnds = new int[0];

  /**
   * @param tables of each slot
   */
  InputLayer(TowerShape shape, EmbeddingTable[] tables, Optimizer optimizer, long seed) {
    this.shape = shape;
    this.tables = tables;
    width = shape.inputWidth();
    batch = new FeatureBatch(shape.input());
    sequences = new SequenceNetwork[tables.length];
    outputs = new INDArray[tables.length];
    outputValues = new FloatBuffer[tables.length];
    positionOf = new int[tables.length][0];
    positionGradients = new float[tables.length][0];
    for (int slot = 0; slot < tables.length; slot++) {
      InputSchema.Slot layout = slot(slot);
      if (layout.pooling().isNetwork()) {
        sequences[slot] =
            SequenceNetwork.create(SlotPooling.sequenceShape(layout), optimizer, seed + slot);
      }
    }
  }

  /** Whether rows of a batch should be few because sequences are long. */
  boolean hasSequences() {
    return Arrays.stream(sequences).anyMatch(sequence -> sequence != null);
  }

  /** Input of the first layer for some rows, [to − from, width]; valid until the next call. */
  INDArray forward(FeatureBatch rows, int from, int to, Mode mode) {
    batch = rows;
    int count = to - from;
    if (input.length < count * width) {
      input = new float[count * width];
    }
    for (int slot = 0; slot < tables.length; slot++) {
      SequenceNetwork sequence = sequences[slot];
      if (sequence != null) {
        forward(slot, sequence, from, to, mode);
      }
    }
    IntStream.range(0, (count + BLOCK - 1) / BLOCK)
        .parallel()
        .forEach(
            block -> {
              int end = Math.min(count, (block + 1) * BLOCK);
              for (int row = block * BLOCK; row < end; row++) {
                gatherRow(from + row, row * width, row);
              }
            });
    INDArray array = inputArray;
    if (array == null || array.size(0) != count) {
      array = Nd4j.createUninitialized(DataType.FLOAT, new long[] {count, width}, 'c');
      inputArray = array;
    }
    HostMemory.put(array, input, count * width);
    return array;
  }

  private void gatherRow(int row, int at, int place) {
    InputSchema schema = shape.input();
    Arrays.fill(input, at, at + width, 0);
    for (int slot = 0; slot < tables.length; slot++) {
      int offset = at + shape.offset(slot);
      FloatBuffer values = outputValues[slot];
      if (values != null) {
        int position = positionOf[slot][place];
        if (position != EMPTY) {
          int dim = tables[slot].shape().dim();
          for (int i = 0; i < dim; i++) {
            input[offset + i] += values.get(position * dim + i);
          }
        }
        continue;
      }
      int start = batch.start(slot, row);
      int end = batch.end(slot, row);
      int[] ids = batch.ids(slot);
      for (int i = start; i < end; i++) {
        float weight = SlotPooling.weight(slot(slot), i - start, end - start);
        tables[slot].addRow(ids[i], weight, input, offset);
      }
    }
    int dense = schema.denseWidth();
    System.arraycopy(batch.dense(), row * dense, input, at + width - dense, dense);
  }

  private void setOutput(int slot, INDArray output) {
    outputs[slot] = output;
    outputValues[slot] = HostMemory.of(output);
  }

  /** Passes the rows' sequences; rows that start at the same value share one. */
  private void forward(int slot, SequenceNetwork sequence, int from, int to, Mode mode) {
    int first = EMPTY;
    int last = 0;
    int segments = 0;
    int start = EMPTY;
    if (positionOf[slot].length < to - from) {
      positionOf[slot] = new int[to - from];
    }
    if (segmentEnds.length < to - from) {
      segmentEnds = new int[to - from];
    }
    for (int row = from; row < to; row++) {
      boolean empty = batch.start(slot, row) == batch.end(slot, row);
      positionOf[slot][row - from] = EMPTY;
      if (empty) {
        continue;
      }
      if (first == EMPTY) {
        first = batch.start(slot, row);
      }
      if (batch.start(slot, row) != start) {
        start = batch.start(slot, row);
        segments++;
      }
      last = batch.end(slot, row) - first;
      segmentEnds[segments - 1] = last;
      positionOf[slot][row - from] = last - 1;
    }
    if (last == 0) {
      setOutput(slot, Nd4j.zeros(DataType.FLOAT, 1, tables[slot].shape().dim()));
      return;
    }
    INDArray positions = sequence.input(last);
    int dim = tables[slot].shape().dim();
    float[] embeddings = new float[last * dim];
    int[] ids = batch.ids(slot);
    for (int position = 0; position < last; position++) {
      tables[slot].addRow(ids[first + position], 1, embeddings, position * dim);
    }
    HostMemory.put(positions, embeddings, embeddings.length);
    setOutput(slot, sequence.forward(segmentEnds, segments, mode));
  }

  /**
   * Walks back.
   *
   * @param gradient by the input of the first layer, [rows, width]
   */
  void backward(INDArray gradient) {
    inputGradient = Tower.floats(gradient, inputGradient);
    for (int slot = 0; slot < tables.length; slot++) {
      SequenceNetwork sequence = sequences[slot];
      if (sequence != null) {
        backward(slot, sequence);
      }
    }
  }

  private void backward(int slot, SequenceNetwork sequence) {
    INDArray output = outputs[slot];
    if (output == null || batch.count(slot) == 0) {
      return;
    }
    int dim = tables[slot].shape().dim();
    float[] gradients = new float[(int) output.length()];
    int offset = shape.offset(slot);
    for (int row = 0; row < batch.rows(); row++) {
      int position = positionOf[slot][row];
      if (position != EMPTY) {
        for (int i = 0; i < dim; i++) {
          gradients[position * dim + i] += inputGradient[row * width + offset + i];
        }
      }
    }
    INDArray array = Nd4j.createUninitialized(DataType.FLOAT, output.shape(), 'c');
    HostMemory.put(array, gradients, gradients.length);
    positionGradients[slot] = Tower.floats(sequence.backward(array), positionGradients[slot]);
    array.close();
  }

  /** Moves the sequence networks by their last gradients. */
  void step(float rateFactor) {
    for (SequenceNetwork sequence : sequences) {
      if (sequence != null) {
        sequence.step(rateFactor);
      }
    }
  }

  /** Adds what a slot's rows get from the last {@link #backward}. */
  void scatter(int slot, RowGradients gradients) {
    int[] ids = batch.ids(slot);
    if (sequences[slot] != null) {
      int dim = tables[slot].shape().dim();
      for (int position = 0; position < batch.count(slot); position++) {
        gradients.add(ids[position], 1, positionGradients[slot], position * dim);
      }
      return;
    }
    int offset = shape.offset(slot);
    for (int row = 0; row < batch.rows(); row++) {
      int start = batch.start(slot, row);
      int end = batch.end(slot, row);
      for (int i = start; i < end; i++) {
        float weight = SlotPooling.weight(slot(slot), i - start, end - start);
        gradients.add(ids[i], weight, inputGradient, row * width + offset);
      }
    }
  }

  void write(Path folder, ExportedTower.Side side) throws IOException {
    for (int slot = 0; slot < tables.length; slot++) {
      SequenceNetwork sequence = sequences[slot];
      if (sequence != null) {
        sequence.write(TowerFiles.sequenceNetwork(folder, side, slot(slot)));
      }
    }
  }

  void read(Path folder, ExportedTower.Side side) throws IOException {
    for (int slot = 0; slot < tables.length; slot++) {
      SequenceNetwork sequence = sequences[slot];
      if (sequence != null) {
        sequence.read(TowerFiles.sequenceNetwork(folder, side, slot(slot)));
      }
    }
  }

  /** Takes over the weights of sequence networks where there are earlier ones. */
  void warmStart(Path folder, ExportedTower.Side side) throws IOException {
    for (int slot = 0; slot < tables.length; slot++) {
      SequenceNetwork sequence = sequences[slot];
      Path zip = TowerFiles.sequenceNetwork(folder, side, slot(slot));
      if (sequence != null && Files.exists(zip)) {
        sequence.warmStart(zip);
      }
    }
  }

  void export(Path folder, ExportedTower.Side side) throws IOException {
    for (int slot = 0; slot < tables.length; slot++) {
      SequenceNetwork sequence = sequences[slot];
      if (sequence != null) {
        sequence.export(TowerFiles.sequence(folder, side, slot(slot)));
      }
    }
  }

  /** What is not finite, or null. */
  @Nullable String firstNonFinite() {
    for (SequenceNetwork sequence : sequences) {
      String found = sequence == null ? null : sequence.firstNonFinite();
      if (found != null) {
        return found;
      }
    }
    for (EmbeddingTable table : tables) {
      int row = table.firstNonFiniteRow();
      if (row >= 0) {
        return "row %d of the table %s".formatted(row, table.shape().name());
      }
    }
    return null;
  }

  private InputSchema.Slot slot(int slot) {
    return shape.input().slots().get(slot);
  }
}
