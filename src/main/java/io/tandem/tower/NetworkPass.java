package io.tandem.tower;

import java.util.List;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Deeplearning4j's own passes: any layer, dropout included. */
final class NetworkPass implements Pass {
  private final MultiLayerNetwork network;
  private Gradient gradient = new DefaultGradient();

  NetworkPass(MultiLayerNetwork network) {
    this.network = network;
  }

  @Override
  public INDArray forward(INDArray input) {
    network.setInput(input);
    List<INDArray> activations = network.feedForward(true, false);
    return activations.get(activations.size() - 1);
  }

  @Override
  public INDArray backward(INDArray outputGradient) {
    Pair<Gradient, INDArray> result = network.backpropGradient(outputGradient, null);
    gradient = result.getFirst();
    return result.getSecond();
  }

  @Override
  public Gradient gradient() {
    return gradient;
  }
}
