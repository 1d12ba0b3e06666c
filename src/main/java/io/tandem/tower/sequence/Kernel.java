package io.tandem.tower.sequence;

import java.util.List;
import org.nd4j.linalg.api.blas.Level3;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

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

  /** output ← input · map, with the bias. */
  static void affine(Columns input, Parameter map, Columns output) {
    product(input.arrayWithOnes(), map.array(), output.array(), false, false);
  }

  /** Gradients of {@link #affine} by the map and by the input. */
  static void affineBackward(Columns input, Parameter map, INDArray byOutput, Columns byInput) {
    product(input.arrayWithOnes(), byOutput, map.gradient(), true, false);
    product(byOutput, map.array(), byInput.arrayWithOnes(), false, true);
  }

  private static void product(
      INDArray a, INDArray b, INDArray c, boolean transposeA, boolean transposeB) {
    Level3 blas = Nd4j.getBlasWrapper().level3();
    blas.gemm(a, b, c, transposeA, transposeB, 1, 0);
  }
}
