package io.tandem.tower;

import io.tandem.config.FeatureSpec.Pooling;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.FeatureBatch;
import io.tandem.feature.InputSchema;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.util.ModelSerializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * One tower while training: rows of embedding tables gathered and pooled, a Deeplearning4j network
 * over them, its output scaled to length 1 where asked. One thread at a time.
 */
final class Tower {
  /** Rows that are embedded at a time outside training. */
  private static final int CHUNK = 2048;

  private static final float SMALLEST_NORM = 1e-12f;

  private final TowerShape shape;
  private final EmbeddingTable[] tables;
  private final long seed;
  private MultiLayerNetwork network;
  private Pass pass;
  private int iteration;

  private float[] input = new float[0];
  private float[] output = new float[0];
  private float[] norms = new float[0];
  private float[] rawOutput = new float[0];
  private float[] outputGradients = new float[0];
  private float[] inputGradient = new float[0];
  private @Nullable INDArray rawGradientArray;
  private @Nullable INDArray inputArray;
  private @Nullable INDArray outputArray;
  private @Nullable FeatureBatch batch;

  /**
   * @param tables of each slot
   */
  Tower(TowerShape shape, EmbeddingTable[] tables, Optimizer optimizer, long seed) {
    this.shape = shape;
    this.tables = tables;
    this.seed = seed;
    network = Network.create(shape, optimizer, seed);
    pass = pass();
  }

  TowerShape shape() {
    return shape;
  }

  MultiLayerNetwork network() {
    return network;
  }

  /** Training forward pass; [rows, dim], valid until the next. */
  INDArray forward(FeatureBatch newBatch) {
    batch = newBatch;
    if (shape.dropout() > 0) {
      // The masks of a step depend on the step alone, so that training can continue after a break.
      Nd4j.getRandom().setSeed(seed * 0x9E3779B97F4A7C15L + iteration);
    }
    return normalized(pass.forward(gather(newBatch, 0, newBatch.rows())), newBatch.rows());
  }

  /** Walks back through the network and updates it; {@link #scatter} hands on what rows get. */
  void backward(INDArray outputGradient, float rateFactor) {
    FeatureBatch forwarded = batch;
    if (forwarded == null) {
      throw new IllegalStateException("a step needs a forward pass before it");
    }
    INDArray raw = shape.normalize() ? throughNormalization(outputGradient) : outputGradient;
    inputGradient = floats(pass.backward(raw), inputGradient);
    Gradient gradient = pass.gradient();
    network
        .getUpdater()
        .update(
            network, gradient, iteration, 0, forwarded.rows(), LayerWorkspaceMgr.noWorkspaces());
    INDArray step = gradient.gradient();
    if (rateFactor != 1) {
      step.muli(rateFactor);
    }
    network.params().subi(step);
    network.setIterationCount(++iteration);
    network.clear();
  }

  /** Embeds without dropout into [rows × dim], chunk by chunk. */
  void embed(FeatureBatch rows, float[] target) {
    for (int from = 0; from < rows.rows(); from += CHUNK) {
      int to = Math.min(rows.rows(), from + CHUNK);
      INDArray out = network.output(gather(rows, from, to), false);
      INDArray embedded = normalized(out, to - from);
      embedded.data().asNioFloat().get(0, target, from * shape.dim(), (to - from) * shape.dim());
    }
  }

  void write(Path file) throws IOException {
    ModelSerializer.writeModel(network, file.toFile(), true);
  }

  void read(Path file) throws IOException {
    network = ModelSerializer.restoreMultiLayerNetwork(file.toFile(), true);
    iteration = network.getIterationCount();
    pass = pass();
  }

  /** What is not finite, or null. */
  @Nullable String firstNonFinite(String name) {
    for (var parameter : network.paramTable().entrySet()) {
      if (!Double.isFinite(parameter.getValue().sumNumber().doubleValue())) {
        return "parameter %s of the %s tower".formatted(parameter.getKey(), name);
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

  private Pass pass() {
    return shape.dropout() > 0 ? new NetworkPass(network) : new DirectPass(network);
  }

  private INDArray gather(FeatureBatch rows, int from, int to) {
    int count = to - from;
    int width = shape.input().width();
    if (input.length < count * width) {
      input = new float[count * width];
    }
    IntStream.range(0, (count + 255) / 256)
        .parallel()
        .forEach(
            block -> {
              int end = Math.min(count, (block + 1) * 256);
              for (int row = block * 256; row < end; row++) {
                gatherRow(rows, from + row, row * width);
              }
            });
    INDArray array = inputArray;
    if (array == null || array.size(0) != count) {
      array = Nd4j.createUninitialized(DataType.FLOAT, new long[] {count, width}, 'c');
      inputArray = array;
    }
    array.data().asNioFloat().put(0, input, 0, count * width);
    return array;
  }

  private void gatherRow(FeatureBatch rows, int row, int at) {
    InputSchema schema = shape.input();
    int offset = at;
    for (int slot = 0; slot < tables.length; slot++) {
      int dim = tables[slot].shape().dim();
      Arrays.fill(input, offset, offset + dim, 0);
      int start = rows.start(slot, row);
      int end = rows.end(slot, row);
      float scale = scale(schema.slots().get(slot).pooling(), end - start);
      int[] ids = rows.ids(slot);
      for (int i = start; i < end; i++) {
        tables[slot].addRow(ids[i], scale, input, offset);
      }
      offset += dim;
    }
    System.arraycopy(rows.dense(), row * schema.denseWidth(), input, offset, schema.denseWidth());
  }

  static float scale(Pooling pooling, int count) {
    return pooling == Pooling.MEAN ? 1f / Math.max(1, count) : 1;
  }

  /** Adds what a slot's rows get from the last {@link #backward}. */
  void scatter(int slot, RowGradients gradients) {
    FeatureBatch rows = batch;
    if (rows == null) {
      throw new IllegalStateException("nothing was passed forward");
    }
    int width = shape.input().width();
    int offset = 0;
    for (int before = 0; before < slot; before++) {
      offset += tables[before].shape().dim();
    }
    int[] ids = rows.ids(slot);
    Pooling pooling = shape.input().slots().get(slot).pooling();
    for (int row = 0; row < rows.rows(); row++) {
      int start = rows.start(slot, row);
      int end = rows.end(slot, row);
      float scale = scale(pooling, end - start);
      for (int i = start; i < end; i++) {
        gradients.add(ids[i], scale, inputGradient, row * width + offset);
      }
    }
  }

  /** Copies the network's output, scaled where asked, into the reused output array. */
  private INDArray normalized(INDArray raw, int rows) {
    int dim = shape.dim();
    rawOutput = floats(raw, rawOutput);
    float[] values = rawOutput;
    if (output.length < rows * dim) {
      output = new float[rows * dim];
      norms = new float[rows];
    }
    for (int row = 0; row < rows; row++) {
      int at = row * dim;
      norms[row] = shape.normalize() ? norm(values, at, dim) : 1;
      float inverse = 1 / norms[row];
      for (int i = at; i < at + dim; i++) {
        output[i] = values[i] * inverse;
      }
    }
    INDArray array = outputArray;
    if (array == null || array.size(0) != rows) {
      array = Nd4j.createUninitialized(DataType.FLOAT, new long[] {rows, dim}, 'c');
      outputArray = array;
    }
    array.data().asNioFloat().put(0, output, 0, rows * dim);
    return array;
  }

  /** Length of a row, kept away from 0. */
  static float norm(float[] values, int from, int dim) {
    double squares = 0;
    for (int i = from; i < from + dim; i++) {
      squares += (double) values[i] * values[i];
    }
    return Math.max(SMALLEST_NORM, (float) Math.sqrt(squares));
  }

  /** For y = x / |x|: ∂L/∂x = (g − y ⟨y, g⟩) / |x|. */
  private INDArray throughNormalization(INDArray outputGradient) {
    int rows = (int) outputGradient.size(0);
    int dim = shape.dim();
    outputGradients = floats(outputGradient, outputGradients);
    float[] gradient = outputGradients;
    for (int row = 0; row < rows; row++) {
      int at = row * dim;
      float along = 0;
      for (int i = at; i < at + dim; i++) {
        along += output[i] * gradient[i];
      }
      float inverse = norms[row] <= SMALLEST_NORM ? 0 : 1 / norms[row];
      for (int i = at; i < at + dim; i++) {
        gradient[i] = (gradient[i] - output[i] * along) * inverse;
      }
    }
    INDArray array = rawGradientArray;
    if (array == null || array.size(0) != rows) {
      array = Nd4j.createUninitialized(DataType.FLOAT, new long[] {rows, dim}, 'c');
      rawGradientArray = array;
    }
    array.data().asNioFloat().put(0, gradient, 0, rows * dim);
    return array;
  }

  /** A matrix's numbers, row by row, in the array given where it is long enough. */
  private static float[] floats(INDArray array, float[] reused) {
    boolean rowMajor =
        array.ordering() == 'c'
            && array.stride(1) == 1
            && array.stride(0) == array.size(1)
            && array.offset() == 0;
    INDArray source = rowMajor ? array : array.dup('c');
    int length = (int) source.length();
    float[] values = reused.length >= length ? reused : new float[length];
    source.data().asNioFloat().get(0, values, 0, length);
    return values;
  }
}
