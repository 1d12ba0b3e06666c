package io.tandem.tower.sequence;

import java.util.Arrays;

/** Gated recurrent units for serving. */
final class GruEncoder implements ExportedSequence.Encoder {
  private final int dim;
  private final int maxLength;

  /** By layer, [dim][3 × dim]. */
  private final float[][][] inputs;

  private final float[][] biases;
  private final GruCell[] cells;

  GruEncoder(SequenceShape shape, WeightReader weights) {
    dim = shape.dim();
    maxLength = shape.maxLength();
    inputs = new float[shape.layers()][][];
    biases = new float[shape.layers()][];
    cells = new GruCell[shape.layers()];
    for (int layer = 0; layer < cells.length; layer++) {
      float[][] map = weights.affine(dim, 3 * dim);
      inputs[layer] = Arrays.copyOf(map, dim);
      biases[layer] = map[dim];
      cells[layer] = new GruCell(weights.matrix(dim, 2 * dim), weights.matrix(dim, dim));
    }
  }

  @Override
  public ExportedSequence.Session session() {
    return new Buffers();
  }

  private final class Buffers implements ExportedSequence.Session {
    /** [position][dim] input of a layer, and in its place the output. */
    private final float[][] x = new float[maxLength][dim];

    private final float[] a = new float[3 * dim];
    private final float[] gated = new float[dim];
    private final float[] state = new float[dim];
    private final float[] next = new float[dim];
    private final float[] scratch = new float[2 * dim];

    @Override
    public void last(float[] rows, int n, float[] target, int at) {
      for (int i = 0; i < n; i++) {
        System.arraycopy(rows, i * dim, x[i], 0, dim);
      }
      for (int layer = 0; layer < cells.length; layer++) {
        Arrays.fill(state, 0);
        for (int i = 0; i < n; i++) {
          System.arraycopy(biases[layer], 0, a, 0, 3 * dim);
          Rows.addAll(a, inputs[layer], x[i], 3 * dim);
          cells[layer].step(a, state, gated, next, scratch);
          System.arraycopy(next, 0, state, 0, dim);
          System.arraycopy(next, 0, x[i], 0, dim);
        }
      }
      System.arraycopy(x[n - 1], 0, target, at, dim);
    }
  }
}
