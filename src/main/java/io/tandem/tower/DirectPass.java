package io.tandem.tower;

import io.tandem.backend.HostMemory;
import java.nio.FloatBuffer;
import java.util.Map;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationReLU;
import org.nd4j.linalg.api.blas.Level3;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The passes of a network of dense layers without dropout, as matrix products on the network's own
 * parameters and gradients. Equal to Deeplearning4j's, which computes each layer again on its way
 * back and allocates every activation afresh: at a few thousand rows that takes twice as long as
 * the products themselves.
 */
final class DirectPass implements Pass {
  private static final int BLOCK = 1 << 16;

  private final INDArray[] weights;
  private final INDArray[] biases;
  private final INDArray[] weightGradients;
  private final INDArray[] biasGradients;
  private final IActivation[] activations;
  private final Gradient gradient;

  /** By layer, [rows, out]: outputs, values before the activation, and gradients by these. */
  private final INDArray[] outputs;

  private final INDArray[] before;
  private final INDArray[] gradients;
  private INDArray input = Nd4j.empty(DataType.FLOAT);
  private INDArray inputGradient = Nd4j.empty(DataType.FLOAT);

  DirectPass(MultiLayerNetwork network) {
    int layers = network.getnLayers();
    weights = new INDArray[layers];
    biases = new INDArray[layers];
    weightGradients = new INDArray[layers];
    biasGradients = new INDArray[layers];
    activations = new IActivation[layers];
    outputs = new INDArray[layers];
    before = new INDArray[layers];
    gradients = new INDArray[layers];
    // A restored optimizer is bound to the vector of gradients that is there already.
    if (network.getFlattenedGradients() == null) {
      network.initGradientsView();
    }
    gradient = new DefaultGradient(network.getFlattenedGradients());
    for (int l = 0; l < layers; l++) {
      Layer layer = network.getLayer(l);
      BaseLayer configuration = (BaseLayer) layer.conf().getLayer();
      Map<String, INDArray> views =
          configuration
              .initializer()
              .getGradientsFromFlattened(layer.conf(), layer.getGradientsViewArray());
      weights[l] = layer.getParam("W");
      biases[l] = layer.getParam("b");
      weightGradients[l] = view(views, "W");
      biasGradients[l] = view(views, "b");
      activations[l] = configuration.getActivationFn();
      gradient.setGradientFor(l + "_W", weightGradients[l]);
      gradient.setGradientFor(l + "_b", biasGradients[l]);
    }
  }

  @Override
  public INDArray forward(INDArray newInput) {
    input = newInput;
    long rows = newInput.size(0);
    if (outputs[0] == null || outputs[0].size(0) != rows) {
      allocate(rows);
    }
    Level3 blas = Nd4j.getBlasWrapper().level3();
    INDArray in = newInput;
    for (int l = 0; l < weights.length; l++) {
      // Row-major [rows, out] is column-major [out, rows], which the product is written to.
      blas.gemm(weights[l], in, before[l].transpose(), true, true, 1, 0);
      before[l].addiRowVector(biases[l]);
      if (outputs[l] != before[l]) {
        outputs[l].assign(before[l]);
      }
      activations[l].getActivation(outputs[l], true);
      in = outputs[l];
    }
    return in;
  }

  @Override
  public INDArray backward(INDArray outputGradient) {
    Level3 blas = Nd4j.getBlasWrapper().level3();
    INDArray byOutput = outputGradient;
    for (int l = weights.length - 1; l >= 0; l--) {
      INDArray byInput = throughActivation(l, byOutput);
      INDArray in = l == 0 ? input : outputs[l - 1];
      blas.gemm(in, byInput, weightGradients[l], true, false, 1, 0);
      byInput.sum(biasGradients[l], 0);
      byOutput = l == 0 ? inputGradient : gradients[l - 1];
      blas.gemm(weights[l], byInput, byOutput.transpose(), false, true, 1, 0);
    }
    return byOutput;
  }

  /** Overwrites what it is given where the activation allows. */
  private INDArray throughActivation(int layer, INDArray byOutput) {
    if (activations[layer] instanceof ActivationReLU && byOutput == gradients[layer]) {
      FloatBuffer output = HostMemory.of(outputs[layer]);
      FloatBuffer gradients = HostMemory.of(byOutput);
      int length = (int) byOutput.length();
      IntStream.range(0, (length + BLOCK - 1) / BLOCK)
          .parallel()
          .forEach(
              block -> {
                int end = Math.min(length, (block + 1) * BLOCK);
                for (int i = block * BLOCK; i < end; i++) {
                  if (!(output.get(i) > 0)) {
                    gradients.put(i, 0);
                  }
                }
              });
      HostMemory.written(byOutput);
      return byOutput;
    }
    return activations[layer].backprop(before[layer], byOutput).getFirst();
  }

  @Override
  public Gradient gradient() {
    return gradient;
  }

  private void allocate(long rows) {
    close(inputGradient);
    for (int l = 0; l < weights.length; l++) {
      close(outputs[l]);
      close(before[l]);
      close(gradients[l]);
      long out = weights[l].size(1);
      outputs[l] = matrix(rows, out);
      // These have a derivative that the output tells as well.
      boolean inPlace =
          activations[l] instanceof ActivationReLU || activations[l] instanceof ActivationIdentity;
      before[l] = inPlace ? outputs[l] : matrix(rows, out);
      gradients[l] = matrix(rows, out);
    }
    inputGradient = matrix(rows, weights[0].size(0));
  }

  /** Frees memory of the steps before, without waiting for the garbage collector. */
  private static void close(@Nullable INDArray array) {
    if (array != null && !array.isEmpty() && array.closeable()) {
      array.close();
    }
  }

  private static INDArray matrix(long rows, long columns) {
    return Nd4j.createUninitialized(DataType.FLOAT, new long[] {rows, columns}, 'c');
  }

  private static INDArray view(Map<String, INDArray> views, String name) {
    INDArray view = views.get(name);
    if (view == null) {
      throw new IllegalStateException("a dense layer has a gradient " + name);
    }
    return view;
  }
}
