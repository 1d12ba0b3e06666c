package io.tandem.tower.sequence;

import java.util.List;

/** Passes of one layer over packed positions. One thread at a time. */
interface Kernel {
  /** In the order in which they lie in the network's vectors. */
  List<Parameter> parameters();

  /**
   * Output for an input, which must stay as it is until the backward pass.
   *
   * @return [rows, dim], valid until the next call
   */
  Columns forward(Packing packing, Columns input, Dropout dropout);

  /**
   * Sets the gradients of the parameters.
   *
   * @param gradient [rows, dim] by the output, 0 behind the positions; replaced by that by the
   *     input
   */
  void backward(Packing packing, Columns gradient, Dropout dropout);

  /** The weights of a kind of layer, to be bound. */
  static List<Parameter> parameters(Layout.Part part, int dim, int maxLength) {
    return Layout.weights(part, dim, maxLength).stream().map(Parameter::new).toList();
  }
}
