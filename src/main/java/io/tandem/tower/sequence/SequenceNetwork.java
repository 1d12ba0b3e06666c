package io.tandem.tower.sequence;

import io.tandem.backend.HostMemory;
import io.tandem.config.TrainingConfig.Optimizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.util.ModelSerializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * A causal sequence encoder while training: sequences packed one after the other into [positions,
 * dim] give one vector at each position, which depends on its sequence up to there. One thread at a
 * time.
 *
 * <pre>{@code
 * INDArray input = network.input(positions);            // to be filled, row-major
 * INDArray output = network.forward(ends, segments, Mode.TRAINING);
 * INDArray inputGradient = network.backward(outputGradient);
 * network.step(1);
 * }</pre>
 *
 * <p>Definition, storage and optimizer are a Deeplearning4j network's; its passes run as products
 * and loops on the network's own vectors of parameters and gradients.
 */
public final class SequenceNetwork {
  private final SequenceShape shape;
  private MultiLayerNetwork network;
  private List<Kernel> kernels;
  private Gradient gradient;
  private final Workspace workspace;
  private final Dropout dropout;
  private int iteration;

  private final RowMatrix inputRows;
  private final RowMatrix outputRows;
  private final RowMatrix gradientRows;
  private final Columns input;
  private final Columns byOutput;
  private @Nullable Packing packing;

  private SequenceNetwork(SequenceShape shape, MultiLayerNetwork network, long seed) {
    this.shape = shape;
    this.network = network;
    int dim = shape.dim();
    workspace = new Workspace(dim, Layout.HIDDEN * dim, shape.maxLength());
    dropout = new Dropout(shape.dropout(), shape.maxLength(), seed);
    inputRows = new RowMatrix(dim);
    outputRows = new RowMatrix(dim);
    gradientRows = new RowMatrix(dim);
    input = Columns.plain(dim);
    byOutput = Columns.plain(dim);
    network.initGradientsView();
    gradient = gradient(network);
    kernels = kernels(network);
  }

  /** An encoder with first weights drawn by the seed, from which dropout's masks follow too. */
  public static SequenceNetwork create(SequenceShape shape, Optimizer optimizer, long seed) {
    NeuralNetConfiguration.ListBuilder list =
        new NeuralNetConfiguration.Builder()
            .seed(seed)
            .dataType(DataType.FLOAT)
            .updater(updater(optimizer))
            // The loss is a mean already: the gradient is not to be divided again.
            .miniBatch(false)
            .list();
    List<Layout.Part> parts = Layout.parts(shape);
    for (int place = 0; place < parts.size(); place++) {
      list.layer(new SequenceLayer(parts.get(place), shape, place));
    }
    MultiLayerNetwork network = new MultiLayerNetwork(list.build());
    network.init();
    return new SequenceNetwork(shape, network, seed);
  }

  /** Its architecture. */
  public SequenceShape shape() {
    return shape;
  }

  MultiLayerNetwork network() {
    return network;
  }

  /**
   * Input of the next pass, to be filled.
   *
   * @param positions of all sequences together, at least 1
   * @return [positions, dim] row-major floats; holds what it held
   */
  public INDArray input(int positions) {
    return inputRows.reserve(positions);
  }

  /**
   * Encodes what {@link #input} was filled with.
   *
   * @param ends [segments or more] one past each sequence's last position; the last segment's is
   *     the number of positions
   * @return [positions, dim] row-major, valid until the next call
   * @throws IllegalArgumentException if a sequence is empty or longer than the shape allows
   */
  public INDArray forward(int[] ends, int segments, Mode mode) {
    Packing laid = Packing.of(ends, segments, inputRows.rows(), shape.maxLength());
    packing = laid;
    // The optimizer moves the weights through ND4J, the passes read them here.
    HostMemory.refresh(network.params());
    dropout.begin(mode, iteration);
    input.fromRows(inputRows.buffer(), laid, workspace);
    Columns columns = input;
    for (Kernel kernel : kernels) {
      columns = kernel.forward(laid, columns, dropout);
    }
    INDArray output = outputRows.reserve(laid.positions());
    columns.toRows(outputRows.buffer(), laid, workspace);
    outputRows.written();
    return output;
  }

  /**
   * Walks back from the last forward pass; {@link #step} then moves the weights.
   *
   * @param outputGradient [positions, dim]
   * @return [positions, dim] gradient by the input, row-major, valid until the next call
   */
  public INDArray backward(INDArray outputGradient) {
    Packing laid = packing;
    if (laid == null) {
      throw new IllegalStateException("a backward pass needs a forward pass before it");
    }
    if (outputGradient.rank() != 2
        || outputGradient.size(0) != laid.positions()
        || outputGradient.size(1) != shape.dim()) {
      throw new IllegalArgumentException(
          "expected gradients of shape [%d, %d], found %s"
              .formatted(laid.positions(), shape.dim(), outputGradient.shapeInfoToString()));
    }
    INDArray rows = rowMajor(outputGradient);
    try {
      byOutput.fromRows(HostMemory.of(rows).slice(), laid, workspace);
    } finally {
      // ND4J frees the memory of arrays that nothing refers to, whatever buffers there are of it.
      Reference.reachabilityFence(rows);
    }
    for (int layer = kernels.size() - 1; layer >= 0; layer--) {
      kernels.get(layer).backward(laid, byOutput, dropout);
    }
    HostMemory.written(network.getFlattenedGradients());
    INDArray result = gradientRows.reserve(laid.positions());
    byOutput.toRows(gradientRows.buffer(), laid, workspace);
    gradientRows.written();
    return result;
  }

  /**
   * Makes the optimizer's step with the last gradients.
   *
   * @param rateFactor on the learning rate
   */
  public void step(float rateFactor) {
    Packing laid = packing;
    if (laid == null) {
      throw new IllegalStateException("a step needs a backward pass before it");
    }
    network
        .getUpdater()
        .update(network, gradient, iteration, 0, laid.segments(), LayerWorkspaceMgr.noWorkspaces());
    INDArray step = gradient.gradient();
    if (rateFactor != 1) {
      step.muli(rateFactor);
    }
    network.params().subi(step);
    network.setIterationCount(++iteration);
  }

  /** Writes weights, the optimizer's state and the iteration. */
  public void write(Path zip) throws IOException {
    ModelSerializer.writeModel(network, zip.toFile(), true);
  }

  /** Continues from what {@link #write} wrote, bit for bit. */
  public void read(Path zip) throws IOException {
    MultiLayerNetwork restored = ModelSerializer.restoreMultiLayerNetwork(zip.toFile(), true);
    if (restored.numParams() != network.numParams()) {
      throw new IOException(
          "%s: %d weights, expected %d".formatted(zip, restored.numParams(), network.numParams()));
    }
    network = restored;
    iteration = restored.getIterationCount();
    // The optimizer is bound to the vector of gradients that it was made for.
    INDArray state = restored.getUpdater().getStateViewArray();
    restored.initGradientsView();
    restored.setUpdater(null);
    if (state != null) {
      restored.getUpdater().setStateViewArray(restored, state.dup(), false);
    }
    gradient = gradient(restored);
    kernels = kernels(restored);
    packing = null;
  }

  /**
   * Takes over the weights that {@link #write} wrote, of every layer of equal shape; the optimizer
   * begins anew.
   */
  public void warmStart(Path zip) throws IOException {
    MultiLayerNetwork earlier = ModelSerializer.restoreMultiLayerNetwork(zip.toFile(), false);
    network
        .paramTable()
        .forEach(
            (name, parameter) -> {
              INDArray before = earlier.paramTable().get(name);
              if (before != null && before.equalShapes(parameter)) {
                parameter.assign(before);
              }
            });
  }

  /** Writes plain weights for {@link ExportedSequence}. */
  public void export(Path file) {
    float[] weights = network.params().dup().data().asFloat();
    try {
      WeightsFile.write(file, shape, weights);
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": cannot be written: " + e.getMessage(), e);
    }
  }

  /** Which parameter holds a number that is not finite, or null. */
  public @Nullable String firstNonFinite() {
    for (var parameter : network.paramTable().entrySet()) {
      if (!Double.isFinite(parameter.getValue().sumNumber().doubleValue())) {
        return "parameter %s of the sequence encoder".formatted(parameter.getKey());
      }
    }
    return null;
  }

  private List<Kernel> kernels(MultiLayerNetwork of) {
    List<Kernel> result = new ArrayList<>();
    for (Layer layer : of.getLayers()) {
      SequenceLayer configuration = (SequenceLayer) layer.conf().getLayer();
      result.add(configuration.kernel(layer, layer.getGradientsViewArray(), workspace));
    }
    return result;
  }

  private static Gradient gradient(MultiLayerNetwork of) {
    Gradient result = new DefaultGradient(of.getFlattenedGradients());
    for (Layer layer : of.getLayers()) {
      SequenceLayer configuration = (SequenceLayer) layer.conf().getLayer();
      SequenceWeights.views(configuration, layer.getGradientsViewArray())
          .forEach(
              (name, view) -> result.setGradientFor(configuration.getPlace() + "_" + name, view));
    }
    return result;
  }

  private static INDArray rowMajor(INDArray matrix) {
    boolean plain =
        matrix.dataType() == DataType.FLOAT
            && matrix.ordering() == 'c'
            && matrix.stride(1) == 1
            && matrix.stride(0) == matrix.size(1);
    INDArray source = plain ? matrix : matrix.castTo(DataType.FLOAT).dup('c');
    return source;
  }

  private static IUpdater updater(Optimizer optimizer) {
    return switch (optimizer.dense()) {
      case ADAM -> new Adam(optimizer.denseRate());
      case SGD -> new Sgd(optimizer.denseRate());
    };
  }
}
