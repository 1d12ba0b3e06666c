package io.tandem.tower.sequence;

import java.util.List;
import java.util.stream.IntStream;

/**
 * A block of the transformer: x + dropout(attention(norm(x))), then the same with a feed-forward
 * network in place of attention. Norms stand before the maps, which trains more steadily than
 * behind the sums (Xiong et al. 2020).
 */
final class TransformerKernel implements Kernel {
  private final int dim;
  private final int hidden;
  private final int site;
  private final Workspace workspace;
  private final List<Parameter> parameters;
  private final Parameter qkvMap;
  private final Parameter outMap;
  private final Parameter hiddenMap;
  private final Parameter finalMap;
  private final Normalization norm1;
  private final Normalization norm2;
  private final AttentionPass attention;

  private final Columns normed1;
  private final Columns qkv;
  private final Columns attended;
  private final Columns middle;
  private final Columns normed2;
  private final Columns activated;
  private final Columns output;
  private Columns input;

  /**
   * @param site number of the layer, of which its dropout masks depend
   */
  TransformerKernel(int dim, int heads, int maxLength, int site, Workspace workspace) {
    this.dim = dim;
    hidden = Layout.HIDDEN * dim;
    this.site = site;
    this.workspace = workspace;
    parameters = Kernel.parameters(Layout.Part.TRANSFORMER, dim, maxLength);
    qkvMap = parameters.get(2);
    outMap = parameters.get(3);
    hiddenMap = parameters.get(6);
    finalMap = parameters.get(7);
    norm1 = new Normalization(parameters.get(0), parameters.get(1));
    norm2 = new Normalization(parameters.get(4), parameters.get(5));
    attention = new AttentionPass(dim, heads, maxLength);
    normed1 = Columns.withOnes(dim);
    qkv = Columns.plain(3 * dim);
    attended = Columns.withOnes(dim);
    middle = Columns.plain(dim);
    normed2 = Columns.withOnes(dim);
    activated = Columns.withOnes(hidden);
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
    int rows = packing.rows();
    Columns branch = workspace.branch.reserve(rows);
    norm1.begin(packing);
    norm2.begin(packing);
    normed1.reserve(rows);
    middle.reserve(rows);
    normed2.reserve(rows);
    output.reserve(rows);
    forBlocks(packing, (block, from, length) -> normalizeInput(from, length));
    Affine.forward(normed1, qkvMap, qkv.reserve(rows));
    attention.forward(packing, qkv, attended.reserve(rows));
    Affine.forward(attended, outMap, branch);
    forBlocks(packing, (block, from, length) -> addAttention(dropout, block, from, length));
    Affine.forward(normed2, hiddenMap, activated.reserve(rows));
    forBlocks(packing, (block, from, length) -> activate(from, length));
    Affine.forward(activated, finalMap, branch);
    forBlocks(packing, (block, from, length) -> addHidden(dropout, block, from, length));
    return output;
  }

  private void normalizeInput(int from, int length) {
    float[][] rows = workspace.rows(dim + Normalization.SCRATCH);
    input.get(from, rows, 0, length);
    norm1.forward(rows, 0, dim, from, length);
    normed1.put(from, rows, 0, length);
  }

  private void addAttention(Dropout dropout, int block, int from, int length) {
    float[][] rows = workspace.rows(2 * dim + Normalization.SCRATCH);
    addBranch(input, dropout, 2 * site, block, length);
    middle.put(from, rows, 0, length);
    norm2.forward(rows, 0, dim, from, length);
    normed2.put(from, rows, 0, length);
  }

  private void activate(int from, int length) {
    float[] row = workspace.rows(1)[0];
    for (int c = 0; c < hidden; c++) {
      activated.get(c, from, row, length);
      for (int i = 0; i < length; i++) {
        row[i] = Math.max(0, row[i]);
      }
      activated.put(c, from, row, length);
    }
  }

  private void addHidden(Dropout dropout, int block, int from, int length) {
    float[][] rows = workspace.rows(2 * dim + Normalization.SCRATCH);
    addBranch(middle, dropout, 2 * site + 1, block, length);
    output.put(from, rows, 0, length);
  }

  /** Leaves base + dropout(branch) in the first dim rows of scratch. */
  private void addBranch(Columns base, Dropout dropout, int dropoutSite, int block, int length) {
    float[][] rows = workspace.rows(2 * dim + Normalization.SCRATCH);
    int from = block * Packing.BLOCK;
    base.get(from, rows, 0, length);
    workspace.branch.get(from, rows, dim, length);
    float[] mask = rows[2 * dim];
    for (int c = 0; c < dim; c++) {
      if (dropout.active()) {
        dropout.mask(dropoutSite, c, block, mask, length);
        Rows.addProduct(rows[c], rows[dim + c], mask, 0, length);
      } else {
        Rows.add(rows[c], rows[dim + c], 1, 0, length);
      }
    }
  }

  @Override
  public void backward(Packing packing, Columns gradient, Dropout dropout) {
    int rows = packing.rows();
    Columns byInput = workspace.byInput.reserve(rows);
    Columns byHidden = workspace.byHidden.reserve(rows);
    Columns byQkv = workspace.byQkv.reserve(rows);
    Columns branch = workspace.branch.reserve(rows);
    forBlocks(packing, (block, from, length) -> maskHidden(gradient, dropout, block, from, length));
    Affine.mapGradient(activated, finalMap, branch, 0);
    Affine.inputGradient(branch, finalMap, byHidden);
    forBlocks(packing, (block, from, length) -> throughActivation(byHidden, from, length));
    Affine.mapGradient(normed2, hiddenMap, byHidden, 0);
    Affine.inputGradient(byHidden, hiddenMap, byInput);
    forBlocks(
        packing,
        (block, from, length) -> {
          addThroughNorm(norm2, middle, gradient, block, from, length);
          maskBranch(dropout, 2 * site, block, from, length);
        });
    norm2.end(packing);
    Affine.mapGradient(attended, outMap, branch, 0);
    Affine.inputGradient(branch, outMap, byInput);
    attention.backward(packing, qkv, attended, byInput, byQkv);
    Affine.mapGradient(normed1, qkvMap, byQkv, 0);
    Affine.inputGradient(byQkv, qkvMap, byInput);
    forBlocks(
        packing,
        (block, from, length) -> addThroughNorm(norm1, input, gradient, block, from, length));
    norm1.end(packing);
  }

  private void maskHidden(Columns gradient, Dropout dropout, int block, int from, int length) {
    gradient.get(from, workspace.rows(dim + 1), 0, length);
    maskBranch(dropout, 2 * site + 1, block, from, length);
  }

  /** The branch's gradient from the sum's, which is in the first dim rows of scratch. */
  private void maskBranch(Dropout dropout, int dropoutSite, int block, int from, int length) {
    float[][] rows = workspace.rows(dim + 1);
    if (dropout.active()) {
      for (int c = 0; c < dim; c++) {
        dropout.mask(dropoutSite, c, block, rows[dim], length);
        Rows.multiply(rows[c], rows[dim], length);
      }
    }
    workspace.branch.put(from, rows, 0, length);
  }

  /** The derivative is 1 where the output is above 0: min(1, output × something huge). */
  private void throughActivation(Columns byHidden, int from, int length) {
    float[][] rows = workspace.rows(2);
    float[] value = rows[0];
    float[] by = rows[1];
    for (int c = 0; c < hidden; c++) {
      activated.get(c, from, value, length);
      byHidden.get(c, from, by, length);
      for (int i = 0; i < length; i++) {
        by[i] *= Math.min(1, value[i] * Float.MAX_VALUE);
      }
      byHidden.put(c, from, by, length);
    }
  }

  /** gradient += norm's gradient by its input; leaves it in the first dim rows of scratch too. */
  private void addThroughNorm(
      Normalization norm, Columns normInput, Columns gradient, int block, int from, int length) {
    float[][] rows = workspace.rows(3 * dim + Normalization.SCRATCH);
    gradient.get(from, rows, 0, length);
    normInput.get(from, rows, dim, length);
    workspace.byInput.get(from, rows, 2 * dim, length);
    norm.backward(rows, dim, 2 * dim, 0, 3 * dim, block, length);
    gradient.put(from, rows, 0, length);
  }

  private interface BlockPass {
    void run(int block, int from, int length);
  }

  private static void forBlocks(Packing packing, BlockPass pass) {
    IntStream.range(0, packing.blocks())
        .parallel()
        .forEach(block -> pass.run(block, block * Packing.BLOCK, packing.blockLength(block)));
  }
}
