package io.tandem.tower;

import io.tandem.backend.HostMemory;
import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.FeatureBatch;
import io.tandem.tower.sequence.Mode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.util.ModelSerializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * One tower while training: an {@link InputLayer}, a Deeplearning4j network over it, its output
 * scaled to length 1 where asked. One thread at a time.
 */
final class Tower {
  /** Rows that are embedded at a time outside training. */
  private static final int CHUNK = 2048;

  private static final int CHUNK_VALUES = 1 << 15;

  private static final float SMALLEST_NORM = 1e-12f;

  private final TowerShape shape;
  private final InputLayer inputs;
  private final long seed;

  /** Null where the summed embeddings are the output. */
  private @Nullable MultiLayerNetwork network;

  private @Nullable Pass pass;
  private int iteration;

  private float[] output = new float[0];
  private float[] norms = new float[0];
  private float[] rawOutput = new float[0];
  private float[] outputGradients = new float[0];
  private @Nullable INDArray rawGradientArray;
  private @Nullable INDArray outputArray;
  private @Nullable FeatureBatch batch;

  /**
   * @param tables of each slot
   */
  Tower(TowerShape shape, EmbeddingTable[] tables, Optimizer optimizer, long seed) {
    this.shape = shape;
    this.seed = seed;
    inputs = new InputLayer(shape, tables, optimizer, seed);
    network = Network.create(shape, optimizer, seed);
    pass = pass(network);
  }

  TowerShape shape() {
    return shape;
  }

  /** Training forward pass; [rows, dim], valid until the next. */
  INDArray forward(FeatureBatch newBatch) {
    batch = newBatch;
    if (shape.dropout() > 0) {
      // The masks of a step depend on the step alone, so that training can continue after a break.
      Nd4j.getRandom().setSeed(seed * 0x9E3779B97F4A7C15L + iteration);
    }
    INDArray input = inputs.forward(newBatch, 0, newBatch.rows(), Mode.TRAINING);
    Pass through = pass;
    return normalized(through == null ? input : through.forward(input), newBatch.rows());
  }

  /** Walks back through the network and updates it; {@link #scatter} hands on what rows get. */
  void backward(INDArray outputGradient, float rateFactor) {
    if (batch == null) {
      throw new IllegalStateException("a step needs a forward pass before it");
    }
    INDArray raw = shape.normalize() ? throughNormalization(outputGradient) : outputGradient;
    Pass through = pass;
    MultiLayerNetwork layers = network;
    if (through == null || layers == null) {
      inputs.backward(raw);
    } else {
      inputs.backward(through.backward(raw));
      update(layers, through.gradient(), rateFactor);
    }
    inputs.step(rateFactor);
    iteration++;
  }

  private void update(MultiLayerNetwork layers, Gradient gradient, float rateFactor) {
    int rows = batch == null ? 0 : batch.rows();
    layers
        .getUpdater()
        .update(layers, gradient, iteration, 0, rows, LayerWorkspaceMgr.noWorkspaces());
    INDArray step = gradient.gradient();
    if (rateFactor != 1) {
      step.muli(rateFactor);
    }
    layers.params().subi(step);
    layers.setIterationCount(iteration + 1);
    // Not the network's own clear(), which throws the optimizer and its moments away.
    for (Layer layer : layers.getLayers()) {
      layer.clear();
    }
  }

  /** Embeds without dropout into [rows × dim], chunk by chunk. */
  void embed(FeatureBatch rows, float[] target) {
    int to;
    for (int from = 0; from < rows.rows(); from = to) {
      to = endOfChunk(rows, from);
      INDArray in = inputs.forward(rows, from, to, Mode.INFERENCE);
      INDArray out = network == null ? in : network.output(in, false);
      INDArray embedded = normalized(out, to - from);
      HostMemory.get(embedded, target, from * shape.dim(), (to - from) * shape.dim());
    }
  }

  /** Rows whose values are not too many to be held at once. */
  private int endOfChunk(FeatureBatch rows, int from) {
    int to = from;
    long values = 0;
    while (to < rows.rows() && to - from < CHUNK && values < CHUNK_VALUES) {
      for (int slot = 0; inputs.hasSequences() && slot < rows.schema().slots().size(); slot++) {
        values += rows.end(slot, to) - rows.start(slot, to);
      }
      to++;
    }
    return to;
  }

  void write(Path folder, ExportedTower.Side side) throws IOException {
    if (network != null) {
      ModelSerializer.writeModel(network, TowerFiles.network(folder, side).toFile(), true);
    }
    inputs.write(folder, side);
  }

  void read(Path folder, ExportedTower.Side side, int steps) throws IOException {
    if (network != null) {
      network =
          ModelSerializer.restoreMultiLayerNetwork(TowerFiles.network(folder, side).toFile(), true);
      pass = pass(network);
    }
    iteration = steps;
    inputs.read(folder, side);
  }

  /**
   * Takes over the weights of exported layers of equal shape; the optimizer begins anew. Embedding
   * tables are not its own.
   */
  void warmStart(Path folder, ExportedTower.Side side) throws IOException {
    Path zip = TowerFiles.network(folder, side);
    MultiLayerNetwork layers = network;
    if (layers != null && Files.exists(zip)) {
      MultiLayerNetwork earlier = ModelSerializer.restoreMultiLayerNetwork(zip.toFile(), false);
      layers
          .paramTable()
          .forEach(
              (name, parameter) -> {
                INDArray before = earlier.paramTable().get(name);
                if (before != null && before.equalShapes(parameter)) {
                  parameter.assign(before);
                }
              });
    }
    inputs.warmStart(folder, side);
  }

  /** Writes plain weights, and the Deeplearning4j networks beside them. */
  void export(Path folder, ExportedTower.Side side) throws IOException {
    write(folder, side);
    Weights.of(network, shape).write(TowerFiles.weights(folder, side));
    inputs.export(folder, side);
  }

  /** Optimizer steps so far. */
  int steps() {
    return iteration;
  }

  /** The layers' parameters as Deeplearning4j lays them out; empty without layers. */
  float[] denseParameters() {
    return network == null ? new float[0] : network.params().dup().data().asFloat();
  }

  /** The optimizer's state, laid out like it; zeros before the first step. */
  float[] denseState() {
    INDArray state = network == null ? null : network.getUpdater().getStateViewArray();
    return state == null ? new float[0] : state.dup().data().asFloat();
  }

  /** Takes parameters, and state unless it is empty, as they are after some steps. */
  void setDense(float[] parameters, float[] state, int steps) {
    iteration = steps;
    if (network == null) {
      return;
    }
    HostMemory.put(network.params(), parameters, parameters.length);
    INDArray own = network.getUpdater().getStateViewArray();
    if (own != null && state.length > 0) {
      HostMemory.put(own, state, state.length);
    }
    network.setIterationCount(steps);
  }

  /** What is not finite, or null. */
  @Nullable String firstNonFinite(String name) {
    if (network != null) {
      for (var parameter : network.paramTable().entrySet()) {
        if (!Double.isFinite(parameter.getValue().sumNumber().doubleValue())) {
          return "parameter %s of the %s tower".formatted(parameter.getKey(), name);
        }
      }
    }
    return inputs.firstNonFinite();
  }

  private @Nullable Pass pass(@Nullable MultiLayerNetwork layers) {
    if (layers == null) {
      return null;
    }
    return shape.dropout() > 0 ? new NetworkPass(layers) : new DirectPass(layers);
  }

  /** Adds what a slot's rows get from the last {@link #backward}. */
  void scatter(int slot, RowGradients gradients) {
    if (batch == null) {
      throw new IllegalStateException("nothing was passed forward");
    }
    inputs.scatter(slot, gradients);
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
    HostMemory.put(array, output, rows * dim);
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
    HostMemory.put(array, gradient, rows * dim);
    return array;
  }

  /** A matrix's numbers, row by row, in the array given where it is long enough. */
  static float[] floats(INDArray array, float[] reused) {
    boolean rowMajor =
        array.ordering() == 'c'
            && array.stride(1) == 1
            && array.stride(0) == array.size(1)
            && array.offset() == 0;
    INDArray source = rowMajor ? array : array.dup('c');
    int length = (int) source.length();
    float[] values = reused.length >= length ? reused : new float[length];
    HostMemory.get(source, values, 0, length);
    return values;
  }
}
