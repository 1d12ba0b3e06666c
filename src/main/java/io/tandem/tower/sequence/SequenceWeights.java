package io.tandem.tower.sequence;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Places a {@link SequenceLayer}'s weights in a network's vectors. */
final class SequenceWeights implements ParamInitializer {

  /** Views of a layer's part of a vector, by name. */
  static Map<String, INDArray> views(SequenceLayer layer, INDArray vector) {
    INDArray flat = vector.reshape(vector.length());
    Map<String, INDArray> views = new LinkedHashMap<>();
    long from = 0;
    for (Weight weight : layer.weights()) {
      long to = from + weight.length();
      views.put(
          weight.name(),
          flat.get(NDArrayIndex.interval(from, to)).reshape('f', weight.rows(), weight.columns()));
      from = to;
    }
    return views;
  }

  @Override
  public Map<String, INDArray> init(
      NeuralNetConfiguration conf, INDArray vector, boolean initialize) {
    SequenceLayer layer = (SequenceLayer) conf.getLayer();
    Map<String, INDArray> views = views(layer, vector);
    for (Weight weight : layer.weights()) {
      conf.addVariable(weight.name());
      INDArray view = views.get(weight.name());
      if (initialize && view != null) {
        Parameter.initialize(weight, view, conf.getSeed() + layer.getPlace());
      }
    }
    return views;
  }

  @Override
  public Map<String, INDArray> getGradientsFromFlattened(
      NeuralNetConfiguration conf, INDArray vector) {
    return views((SequenceLayer) conf.getLayer(), vector);
  }

  @Override
  public long numParams(NeuralNetConfiguration conf) {
    return numParams(conf.getLayer());
  }

  @Override
  public long numParams(Layer layer) {
    return ((SequenceLayer) layer).weights().stream().mapToLong(Weight::length).sum();
  }

  @Override
  public List<String> paramKeys(Layer layer) {
    return ((SequenceLayer) layer).weights().stream().map(Weight::name).toList();
  }

  @Override
  public List<String> weightKeys(Layer layer) {
    return paramKeys(layer);
  }

  @Override
  public List<String> biasKeys(Layer layer) {
    return List.of();
  }

  @Override
  public boolean isWeightParam(Layer layer, String name) {
    return true;
  }

  @Override
  public boolean isBiasParam(Layer layer, String name) {
    return false;
  }
}
