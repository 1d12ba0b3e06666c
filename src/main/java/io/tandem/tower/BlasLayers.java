package io.tandem.tower;

import java.nio.FloatBuffer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;

/**
 * Dense layers over blocks of rows, as matrix products of the OpenBLAS that ND4J brings: ten times
 * the rate of {@link DenseLayers}, which is what single rows want. Products run on the calling
 * thread. Owns native memory; one thread at a time.
 */
final class BlasLayers implements AutoCloseable {
  private static final int ROW_MAJOR = openblas_nolapack.CblasRowMajor;
  private static final int AS_IS = openblas_nolapack.CblasNoTrans;

  private final BlasThreads threads = BlasThreads.one();
  private final Weights weights;
  private final int layers;
  private final FloatPointer[] matrices;

  /** Input and products of every layer, [rows × dims[l]] row-major. */
  private final FloatPointer[] products;

  private final FloatBuffer[] views;

  /** A layer's values where Java's loops are fast. */
  private final float[] values;

  /**
   * @param rows most rows of a block
   */
  BlasLayers(Weights weights, int rows) {
    this.weights = weights;
    layers = weights.matrices().length;
    matrices = new FloatPointer[layers];
    products = new FloatPointer[layers + 1];
    views = new FloatBuffer[layers + 1];
    int widest = 0;
    for (int layer = 0; layer <= layers; layer++) {
      if (layer < layers) {
        matrices[layer] = new FloatPointer(weights.matrices()[layer]);
      }
      int width = weights.dims()[layer];
      products[layer] = new FloatPointer((long) rows * width);
      views[layer] = products[layer].asBuffer();
      widest = Math.max(widest, width);
    }
    values = new float[rows * widest];
  }

  /** Passes rows [rows × dims[0]] through all layers into [rows × outputWidth] at a place. */
  void apply(float[] input, int rows, float[] target, int at) {
    views[0].put(0, input, 0, rows * weights.dims()[0]);
    for (int layer = 0; layer < layers; layer++) {
      int in = weights.dims()[layer];
      int out = weights.dims()[layer + 1];
      openblas_nolapack.cblas_sgemm(
          ROW_MAJOR,
          AS_IS,
          AS_IS,
          rows,
          out,
          in,
          1,
          products[layer],
          in,
          matrices[layer],
          out,
          0,
          products[layer + 1],
          out);
      views[layer + 1].get(0, values, 0, rows * out);
      addBias(values, rows, weights.biases()[layer]);
      if (layer + 1 < layers) {
        DenseLayers.activate(weights.activation(), values, rows * out);
        views[layer + 1].put(0, values, 0, rows * out);
      }
    }
    DenseLayers.finish(weights, layers == 0 ? input : values, rows, target, at);
  }

  private static void addBias(float[] values, int rows, float[] bias) {
    for (int row = 0; row < rows; row++) {
      int from = row * bias.length;
      for (int i = 0; i < bias.length; i++) {
        values[from + i] += bias[i];
      }
    }
  }

  @Override
  public void close() {
    threads.close();
    for (FloatPointer matrix : matrices) {
      matrix.close();
    }
    for (FloatPointer product : products) {
      product.close();
    }
  }
}
