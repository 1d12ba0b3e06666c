package io.tandem.tower.sequence;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Attention pooling: out_i = Σ_{j ≤ i} softmax_{j ≤ i}(⟨w, x_j⟩) x_j with a learned query w, by
 * running sums in both directions; dropout on the input.
 */
final class PoolingKernel implements Kernel {
  private final int dim;
  private final List<Parameter> parameters;
  private final DroppedInput droppedInput;
  private final Columns dropped;
  private final Columns output;
  private final ThreadLocal<Buffers> buffers;
  private final float[] query;

  /** [position] score, greatest score so far, and Σ e^(score − greatest) so far. */
  private float[] scores = new float[0];

  private float[] greatest = new float[0];
  private float[] sums = new float[0];

  PoolingKernel(int dim, int site, Workspace workspace) {
    this.dim = dim;
    parameters = Kernel.parameters(Layout.Part.POOLING, dim, 1);
    droppedInput = new DroppedInput(site, workspace);
    dropped = Columns.plain(dim);
    output = Columns.plain(dim);
    buffers = ThreadLocal.withInitial(() -> new Buffers(dim));
    query = new float[dim];
  }

  /** Vectors of one position. */
  private static final class Buffers {
    private final float[] x;
    private final float[] sum;
    private final float[] out;
    private final float[] by;

    Buffers(int dim) {
      x = new float[dim];
      sum = new float[dim];
      out = new float[dim];
      by = new float[dim];
    }
  }

  @Override
  public List<Parameter> parameters() {
    return parameters;
  }

  @Override
  public Columns forward(Packing packing, Columns input, Dropout dropout) {
    droppedInput.apply(packing, input, dropped, dropout);
    output.reserve(packing.rows());
    parameters.get(0).values().get(0, query, 0, dim);
    if (scores.length < packing.rows()) {
      scores = new float[packing.rows()];
      greatest = new float[packing.rows()];
      sums = new float[packing.rows()];
    }
    IntStream.range(0, packing.segments())
        .parallel()
        .forEach(segment -> forward(packing.start(segment), packing.length(segment)));
    output.clearPadding(packing);
    return output;
  }

  private void forward(int start, int length) {
    Buffers at = buffers.get();
    Arrays.fill(at.sum, 0);
    float max = Float.NEGATIVE_INFINITY;
    float total = 0;
    for (int i = start; i < start + length; i++) {
      dropped.getPosition(i, at.x);
      float score = Rows.dot(query, at.x, dim);
      float higher = Math.max(max, score);
      float kept = (float) Math.exp(max - higher);
      float added = (float) Math.exp(score - higher);
      total = total * kept + added;
      Rows.scale(at.sum, kept, dim);
      Rows.add(at.sum, at.x, added, 0, dim);
      max = higher;
      scores[i] = score;
      greatest[i] = max;
      sums[i] = total;
      System.arraycopy(at.sum, 0, at.out, 0, dim);
      Rows.scale(at.out, 1 / total, dim);
      output.putPosition(i, at.out);
    }
  }

  @Override
  public void backward(Packing packing, Columns gradient, Dropout dropout) {
    float[] byScore = new float[packing.rows()];
    IntStream.range(0, packing.segments())
        .parallel()
        .forEach(
            segment ->
                backward(gradient, byScore, packing.start(segment), packing.length(segment)));
    float[] byQuery = new float[dim];
    float[] channel = new float[packing.rows()];
    for (int c = 0; c < dim; c++) {
      dropped.get(c, 0, channel, packing.rows());
      byQuery[c] = Rows.dot(byScore, channel, packing.positions());
    }
    parameters.get(0).gradients().put(0, byQuery, 0, dim);
    droppedInput.apply(packing, gradient, gradient, dropout);
  }

  /**
   * With G_i the gradient by out_i: ∂L/∂x_j = Σ_{i ≥ j} p_ij G_i + w ∂L/∂s_j and ∂L/∂s_j = Σ_{i ≥
   * j} p_ij ⟨G_i, x_j − out_i⟩. The sums over i run backwards, scaled by e^greatest_j.
   */
  private void backward(Columns gradient, float[] byScore, int start, int length) {
    Buffers at = buffers.get();
    float[] sum = at.sum;
    Arrays.fill(sum, 0);
    float along = 0;
    for (int j = start + length - 1; j >= start; j--) {
      boolean last = j == start + length - 1;
      float kept = last ? 0 : (float) Math.exp(greatest[j] - greatest[j + 1]);
      gradient.getPosition(j, at.by);
      output.getPosition(j, at.out);
      dropped.getPosition(j, at.x);
      Rows.scale(sum, kept, dim);
      Rows.add(sum, at.by, 1 / sums[j], 0, dim);
      along = along * kept + Rows.dot(at.by, at.out, dim) / sums[j];
      float weight = (float) Math.exp(scores[j] - greatest[j]);
      byScore[j] = weight * (Rows.dot(sum, at.x, dim) - along);
      System.arraycopy(sum, 0, at.by, 0, dim);
      Rows.scale(at.by, weight, dim);
      Rows.add(at.by, query, byScore[j], 0, dim);
      gradient.putPosition(j, at.by);
    }
  }
}
