package io.tandem.tower;

import io.tandem.config.TrainingConfig.Optimizer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;

/** A tower's shape as a Deeplearning4j network. */
final class Network {
  private Network() {}

  /** The network, or null where the shape has no layer. */
  static @Nullable MultiLayerNetwork create(TowerShape shape, Optimizer optimizer, long seed) {
    if (shape.isSumAlone()) {
      return null;
    }
    NeuralNetConfiguration.ListBuilder list =
        new NeuralNetConfiguration.Builder()
            .seed(seed)
            .dataType(DataType.FLOAT)
            .weightInit(WeightInit.XAVIER)
            .updater(updater(optimizer))
            .l2(shape.l2())
            // The loss is a mean already: the gradient is not to be divided again.
            .miniBatch(false)
            .list();
    int in = shape.inputWidth();
    for (int layer = 0; layer <= shape.hidden().size(); layer++) {
      boolean last = layer == shape.hidden().size();
      int out = last ? shape.dim() : shape.hidden().get(layer);
      DenseLayer.Builder dense =
          new DenseLayer.Builder()
              .nIn(in)
              .nOut(out)
              .activation(last ? Activation.IDENTITY : activation(shape));
      if (layer > 0 && shape.dropout() > 0) {
        // Applied to the layer's input, which is the hidden layer before; this is what is kept.
        dense.dropOut(1 - shape.dropout());
      }
      list.layer(dense.build());
      in = out;
    }
    MultiLayerNetwork network = new MultiLayerNetwork(list.build());
    network.init();
    return network;
  }

  private static IUpdater updater(Optimizer optimizer) {
    return switch (optimizer.dense()) {
      case ADAM -> new Adam(optimizer.denseRate());
      case SGD -> new Sgd(optimizer.denseRate());
    };
  }

  private static Activation activation(TowerShape shape) {
    return switch (shape.activation()) {
      case RELU -> Activation.RELU;
      case TANH -> Activation.TANH;
      case GELU -> Activation.GELU;
      case LEAKY_RELU -> Activation.LEAKYRELU;
    };
  }
}
