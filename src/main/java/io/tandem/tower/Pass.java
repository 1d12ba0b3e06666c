package io.tandem.tower;

import org.deeplearning4j.nn.gradient.Gradient;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A network's way forward and back while training. */
interface Pass {
  /** Output for [rows, in] row-major; valid until the next call. */
  INDArray forward(INDArray input);

  /** Gradient by the input of the last forward pass; {@link #gradient} holds that by parameters. */
  INDArray backward(INDArray outputGradient);

  /** Gradient by all parameters of the last backward pass. */
  Gradient gradient();
}
