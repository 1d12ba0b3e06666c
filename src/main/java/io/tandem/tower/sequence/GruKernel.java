package io.tandem.tower.sequence;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A layer of gated recurrent units with dropout on its input. What depends on the input alone, and
 * the gradients of all weights, are products over all positions; the recurrence runs sequence by
 * sequence.
 */
final class GruKernel implements Kernel {
  private final int dim;
  private final List<Parameter> parameters;
  private final Parameter inputMap;
  private final Parameter gates;
  private final Parameter candidate;
  private final DroppedInput droppedInput;

  private final Columns dropped;
  private final Columns acts;
  private final Columns before;
  private final Columns gated;
  private final Columns output;
  private final Columns byA;
  private final Columns byInput;
  private final ThreadLocal<Buffers> buffers;
  private GruCell cell;

  GruKernel(int dim, int site, Workspace workspace) {
    this.dim = dim;
    parameters = Kernel.parameters(Layout.Part.GRU, dim, 1);
    inputMap = parameters.get(0);
    gates = parameters.get(1);
    candidate = parameters.get(2);
    droppedInput = new DroppedInput(site, workspace);
    dropped = Columns.withOnes(dim);
    acts = Columns.plain(3 * dim);
    before = Columns.plain(dim);
    gated = Columns.plain(dim);
    output = Columns.plain(dim);
    byA = Columns.plain(3 * dim);
    byInput = Columns.plain(dim);
    buffers = ThreadLocal.withInitial(() -> new Buffers(dim));
    cell = new GruCell(new float[dim][2 * dim], new float[dim][dim]);
  }

  /** Vectors of one position. */
  private static final class Buffers {
    private final float[] a;
    private final float[] byA;
    private final float[] gated;
    private final float[] by;
    private final float[] scratch;
    private float[] state;
    private float[] next;

    Buffers(int dim) {
      a = new float[3 * dim];
      byA = new float[3 * dim];
      gated = new float[dim];
      by = new float[dim];
      scratch = new float[2 * dim];
      state = new float[dim];
      next = new float[dim];
    }
  }

  @Override
  public List<Parameter> parameters() {
    return parameters;
  }

  @Override
  public Columns forward(Packing packing, Columns input, Dropout dropout) {
    droppedInput.apply(packing, input, dropped, dropout);
    acts.reserve(packing.rows());
    before.reserve(packing.rows()).clearPadding(packing);
    gated.reserve(packing.rows()).clearPadding(packing);
    output.reserve(packing.rows());
    Affine.forward(dropped, inputMap, acts);
    cell = new GruCell(rows(gates), rows(candidate));
    IntStream.range(0, packing.segments())
        .parallel()
        .forEach(segment -> forward(packing.start(segment), packing.length(segment)));
    output.clearPadding(packing);
    return output;
  }

  private void forward(int start, int length) {
    Buffers at = buffers.get();
    Arrays.fill(at.state, 0);
    for (int i = start; i < start + length; i++) {
      acts.getPosition(i, at.a);
      cell.step(at.a, at.state, at.gated, at.next, at.scratch);
      acts.putPosition(i, at.a);
      before.putPosition(i, at.state);
      gated.putPosition(i, at.gated);
      output.putPosition(i, at.next);
      float[] swapped = at.state;
      at.state = at.next;
      at.next = swapped;
    }
  }

  @Override
  public void backward(Packing packing, Columns gradient, Dropout dropout) {
    GruCell transposed = cell.transposed();
    byA.reserve(packing.rows());
    byInput.reserve(packing.rows());
    IntStream.range(0, packing.segments())
        .parallel()
        .forEach(
            segment ->
                backward(transposed, gradient, packing.start(segment), packing.length(segment)));
    byA.clearPadding(packing);
    Affine.mapGradient(before, gates, byA, 0);
    Affine.mapGradient(gated, candidate, byA, 2 * dim);
    Affine.mapGradient(dropped, inputMap, byA, 0);
    Affine.inputGradient(byA, inputMap, byInput);
    droppedInput.apply(packing, byInput, gradient, dropout);
  }

  private void backward(GruCell transposed, Columns gradient, int start, int length) {
    Buffers at = buffers.get();
    float[] carried = at.next;
    Arrays.fill(carried, 0);
    for (int i = start + length - 1; i >= start; i--) {
      gradient.getPosition(i, at.by);
      Rows.add(at.by, carried, 1, 0, dim);
      acts.getPosition(i, at.a);
      before.getPosition(i, at.state);
      transposed.back(at.a, at.state, at.by, at.byA, at.scratch);
      byA.putPosition(i, at.byA);
      System.arraycopy(at.by, 0, carried, 0, dim);
    }
  }

  /** [row][column] of a weight that is stored column by column. */
  private static float[][] rows(Parameter parameter) {
    FloatBuffer values = parameter.values();
    float[][] rows = new float[parameter.rows()][parameter.weight().columns()];
    for (int row = 0; row < rows.length; row++) {
      for (int column = 0; column < rows[row].length; column++) {
        rows[row][column] = values.get(column * rows.length + row);
      }
    }
    return rows;
  }
}
