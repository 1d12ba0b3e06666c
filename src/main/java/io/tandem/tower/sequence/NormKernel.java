package io.tandem.tower.sequence;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Layer normalization of the transformer's output. */
final class NormKernel implements Kernel {
  private final int dim;
  private final Workspace workspace;
  private final List<Parameter> parameters;
  private final Normalization norm;
  private final Columns output;
  private Columns input;

  NormKernel(int dim, Workspace workspace) {
    this.dim = dim;
    this.workspace = workspace;
    parameters = Kernel.parameters(Layout.Part.NORM, dim, 1);
    norm = new Normalization(parameters.get(0), parameters.get(1));
    output = Columns.plain(dim);
    input = output;
  }

  @Override
  public List<Parameter> parameters() {
    return parameters;
  }

  @Override
  public Columns forward(Packing packing, Columns newInput, Dropout dropout) {
    input = newInput;
    output.reserve(packing.rows());
    norm.begin(packing);
    IntStream.range(0, packing.blocks())
        .parallel()
        .forEach(
            block -> {
              int from = block * Packing.BLOCK;
              int length = packing.blockLength(block);
              float[][] rows = workspace.rows(dim + Normalization.SCRATCH);
              newInput.get(from, rows, 0, length);
              norm.forward(rows, 0, dim, from, length);
              output.put(from, rows, 0, length);
            });
    return output;
  }

  @Override
  public void backward(Packing packing, Columns gradient, Dropout dropout) {
    IntStream.range(0, packing.blocks())
        .parallel()
        .forEach(
            block -> {
              int from = block * Packing.BLOCK;
              int length = packing.blockLength(block);
              float[][] rows = workspace.rows(3 * dim + Normalization.SCRATCH);
              input.get(from, rows, 0, length);
              gradient.get(from, rows, dim, length);
              for (int c = 2 * dim; c < 3 * dim; c++) {
                Arrays.fill(rows[c], 0, length, 0);
              }
              norm.backward(rows, 0, dim, 2 * dim, 3 * dim, block, length);
              gradient.put(from, rows, 2 * dim, length);
            });
    norm.end(packing);
  }
}
