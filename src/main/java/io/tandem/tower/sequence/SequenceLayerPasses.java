package io.tandem.tower.sequence;

import io.tandem.backend.HostMemory;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.jspecify.annotations.Nullable;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A {@link SequenceLayer} within Deeplearning4j's own passes: packs the positions that the mask
 * leaves, runs the layer's kernel and unpacks; masked positions give 0.
 */
final class SequenceLayerPasses extends BaseLayer<SequenceLayer> {
  private transient @Nullable State state;
  private transient @Nullable Packing packing;

  private record State(Kernel kernel, Dropout dropout) {}

  SequenceLayerPasses(NeuralNetConfiguration conf, DataType type) {
    super(conf, type);
  }

  @Override
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
    assertInputSet(false);
    SequenceLayer layer = layerConf();
    State passes = state;
    if (passes == null) {
      passes = new State(layer.kernel(layer.workspace()), layer.masks(conf().getSeed()));
      state = passes;
    }
    layer.bind(passes.kernel, this, gradientsFlattened);
    passes.dropout.begin(training ? Mode.TRAINING : Mode.INFERENCE, getIterationCount());
    Packing packed = packing();
    packing = packed;
    Columns columns = Columns.plain(layer.getDim());
    pack(input, columns, packed);
    return unpack(
        passes.kernel.forward(packed, columns, passes.dropout),
        packed,
        ArrayType.ACTIVATIONS,
        workspaces);
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(
      INDArray byOutput, LayerWorkspaceMgr workspaces) {
    State passes = state;
    Packing packed = packing;
    if (passes == null || packed == null) {
      throw new IllegalStateException("a backward pass needs a forward pass before it");
    }
    layerConf().bind(passes.kernel, this, gradientsFlattened);
    Columns columns = Columns.plain(layerConf().getDim());
    pack(byOutput, columns, packed);
    passes.kernel.backward(packed, columns, passes.dropout);
    HostMemory.written(gradientsFlattened);
    Gradient gradients = new DefaultGradient();
    gradientViews.forEach(gradients::setGradientFor);
    return new Pair<>(gradients, unpack(columns, packed, ArrayType.ACTIVATION_GRAD, workspaces));
  }

  @Override
  public boolean isPretrainLayer() {
    return false;
  }

  private boolean keeps(int sequence, int time) {
    INDArray mask = getMaskArray();
    return mask == null || mask.getDouble(sequence, time) != 0;
  }

  private Packing packing() {
    int sequences = (int) input.size(0);
    int times = (int) input.size(2);
    int[] ends = new int[sequences];
    int positions = 0;
    int segments = 0;
    for (int s = 0; s < sequences; s++) {
      int before = positions;
      for (int t = 0; t < times; t++) {
        positions += keeps(s, t) ? 1 : 0;
      }
      if (positions > before) {
        ends[segments++] = positions;
      }
    }
    return Packing.of(ends, segments, positions, layerConf().getMaxLength());
  }

  private void pack(INDArray array, Columns columns, Packing packed) {
    columns.reserve(packed.rows());
    float[] values = array.dup('c').data().asFloat();
    int dim = columns.channels();
    int times = (int) array.size(2);
    float[] row = new float[packed.rows()];
    for (int c = 0; c < dim; c++) {
      int at = 0;
      for (int s = 0; s < array.size(0); s++) {
        for (int t = 0; t < times; t++) {
          if (keeps(s, t)) {
            row[at++] = values[(s * dim + c) * times + t];
          }
        }
      }
      columns.put(c, 0, row, row.length);
    }
  }

  private INDArray unpack(
      Columns columns, Packing packed, ArrayType type, LayerWorkspaceMgr workspaces) {
    long[] shape = {input.size(0), columns.channels(), input.size(2)};
    float[] values = new float[(int) (shape[0] * shape[1] * shape[2])];
    int times = (int) input.size(2);
    float[] row = new float[packed.rows()];
    for (int c = 0; c < columns.channels(); c++) {
      columns.get(c, 0, row, row.length);
      int at = 0;
      for (int s = 0; s < input.size(0); s++) {
        for (int t = 0; t < times; t++) {
          int to = (s * columns.channels() + c) * times + t;
          values[to] = keeps(s, t) ? row[at++] : 0;
        }
      }
    }
    return workspaces.leverageTo(type, Nd4j.create(values, shape, 'c'));
  }
}
