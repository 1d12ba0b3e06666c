package io.tandem.tower.sequence;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A layer of a sequence encoder as Deeplearning4j configures and stores it. Activations are [batch,
 * dim, time] with a mask [batch, time].
 *
 * <p>Getters and setters are what its JSON consists of.
 */
final class SequenceLayer extends BaseLayer {
  private Layout.Part part = Layout.Part.NORM;
  private int dim;
  private int heads;
  private int maxLength;
  private double dropout;
  private int place;

  /** For JSON. */
  SequenceLayer() {}

  /**
   * A layer of an encoder.
   *
   * @param place its number in the network
   */
  SequenceLayer(Layout.Part part, SequenceShape shape, int place) {
    this.part = part;
    this.place = place;
    dim = shape.dim();
    heads = shape.heads();
    maxLength = shape.maxLength();
    dropout = shape.dropout();
  }

  List<Weight> weights() {
    return Layout.weights(part, dim, maxLength);
  }

  /** Its passes, to be bound to parameters. */
  Kernel kernel(Workspace workspace) {
    return switch (part) {
      case POSITIONS -> new PositionKernel(dim, maxLength, 2 * place, workspace);
      case TRANSFORMER -> new TransformerKernel(dim, heads, maxLength, place, workspace);
      case NORM -> new NormKernel(dim, workspace);
      case GRU -> new GruKernel(dim, place, workspace);
      case POOLING -> new PoolingKernel(dim, place, workspace);
    };
  }

  /** Its passes, bound to where a network keeps this layer's parameters and gradients. */
  Kernel kernel(Layer layer, @Nullable INDArray gradients, Workspace workspace) {
    Kernel kernel = kernel(workspace);
    bind(kernel, layer, gradients);
    return kernel;
  }

  void bind(Kernel kernel, Layer layer, @Nullable INDArray gradients) {
    Map<String, INDArray> views =
        gradients == null ? Map.of() : SequenceWeights.views(this, gradients);
    for (Parameter parameter : kernel.parameters()) {
      String name = parameter.weight().name();
      parameter.bind(layer.getParam(name), views.get(name));
    }
  }

  Dropout masks(long seed) {
    return new Dropout(dropout, maxLength, seed);
  }

  Workspace workspace() {
    return new Workspace(dim, Layout.HIDDEN * dim, maxLength);
  }

  @Override
  public Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> listeners,
      int index,
      INDArray parameters,
      boolean initialize,
      DataType type) {
    SequenceLayerPasses layer = new SequenceLayerPasses(conf, type);
    layer.setListeners(listeners);
    layer.setIndex(index);
    layer.setParamsViewArray(parameters);
    layer.setParamTable(initializer().init(conf, parameters, initialize));
    layer.setConf(conf);
    return layer;
  }

  @Override
  public ParamInitializer initializer() {
    return new SequenceWeights();
  }

  @Override
  public InputType getOutputType(int index, InputType input) {
    return InputType.recurrent(dim);
  }

  @Override
  public void setNIn(InputType input, boolean override) {}

  @Override
  public @Nullable InputPreProcessor getPreProcessorForInputType(InputType input) {
    return null;
  }

  @Override
  public boolean isPretrainParam(String name) {
    return false;
  }

  @Override
  public LayerMemoryReport getMemoryReport(InputType input) {
    long parameters = weights().stream().mapToLong(Weight::length).sum();
    return new LayerMemoryReport.Builder(
            getLayerName(), SequenceLayer.class, input, getOutputType(0, input))
        .standardMemory(parameters, 2 * parameters)
        .workingMemory(0, 0, 0, 20L * dim * maxLength)
        .cacheMemory(0, 0)
        .build();
  }

  public Layout.Part getPart() {
    return part;
  }

  public void setPart(Layout.Part value) {
    part = value;
  }

  public int getDim() {
    return dim;
  }

  public void setDim(int value) {
    dim = value;
  }

  public int getHeads() {
    return heads;
  }

  public void setHeads(int value) {
    heads = value;
  }

  public int getMaxLength() {
    return maxLength;
  }

  public void setMaxLength(int value) {
    maxLength = value;
  }

  public double getDropout() {
    return dropout;
  }

  public void setDropout(double value) {
    dropout = value;
  }

  public int getPlace() {
    return place;
  }

  public void setPlace(int value) {
    place = value;
  }
}
