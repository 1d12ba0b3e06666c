package io.tandem.tower.sequence;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Input of the transformer: √dim x + the embedding of the position, counted from the start of its
 * sequence, with dropout (Kang and McAuley 2018).
 */
final class PositionKernel implements Kernel {
  private final int dim;
  private final float scale;
  private final int site;
  private final Workspace workspace;
  private final Parameter positions;
  private final Columns output;

  PositionKernel(int dim, int maxLength, int site, Workspace workspace) {
    this.dim = dim;
    this.site = site;
    this.workspace = workspace;
    scale = (float) Math.sqrt(dim);
    positions = Kernel.parameters(Layout.Part.POSITIONS, dim, maxLength).get(0);
    output = Columns.plain(dim);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(positions);
  }

  @Override
  public Columns forward(Packing packing, Columns input, Dropout dropout) {
    output.reserve(packing.rows());
    IntStream.range(0, dim)
        .parallel()
        .forEach(
            c -> {
              float[][] rows = workspace.rows(3);
              float[] embedding = rows[0];
              float[] x = rows[1];
              positions.values().get(c * positions.rows(), embedding, 0, positions.rows());
              for (int s = 0; s < packing.segments(); s++) {
                int length = packing.length(s);
                input.get(c, packing.start(s), x, length);
                scaleAndAdd(x, scale, embedding, length);
                if (dropout.active()) {
                  dropout.mask(site, c, s, rows[2], length);
                  Rows.multiply(x, rows[2], length);
                }
                output.put(c, packing.start(s), x, length);
              }
            });
    output.clearPadding(packing);
    return output;
  }

  private static void scaleAndAdd(float[] x, float scale, float[] y, int length) {
    for (int i = 0; i < length; i++) {
      x[i] = scale * x[i] + y[i];
    }
  }

  @Override
  public void backward(Packing packing, Columns gradient, Dropout dropout) {
    IntStream.range(0, dim)
        .parallel()
        .forEach(
            c -> {
              float[][] rows = workspace.rows(3);
              float[] sum = rows[0];
              float[] x = rows[1];
              Arrays.fill(sum, 0, positions.rows(), 0);
              for (int s = 0; s < packing.segments(); s++) {
                int length = packing.length(s);
                gradient.get(c, packing.start(s), x, length);
                if (dropout.active()) {
                  dropout.mask(site, c, s, rows[2], length);
                  Rows.multiply(x, rows[2], length);
                }
                Rows.add(sum, x, 1, 0, length);
                Rows.scale(x, scale, length);
                gradient.put(c, packing.start(s), x, length);
              }
              positions.gradients().put(c * positions.rows(), sum, 0, positions.rows());
            });
  }
}
