package io.tandem.loss;

import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.Ints;
import io.tandem.gpu.Softmax;
import io.tandem.gpu.Upload;
import java.util.Arrays;

/**
 * Softmax cross-entropy over candidates on a device: what {@link CandidateLoss#softmax} with no
 * smoothing computes, with embeddings and gradients in the device's memory. One thread at a time,
 * but for {@link Packed#pack}.
 */
public final class DeviceCandidateLoss implements AutoCloseable {
  private final Device device;
  private final int dim;
  private final Upload terms;
  private Floats byU;
  private Floats byV;

  /**
   * @param dim of the embeddings
   */
  public DeviceCandidateLoss(Device device, int dim) {
    this.device = device;
    this.dim = dim;
    terms = device.upload();
    byU = device.floats(0);
    byV = device.floats(0);
  }

  /** Who is whose target, and which pairs are left out, as a device takes them. */
  public static final class Packed {
    private final int rows;
    private final int candidates;
    private final Ints offsets;
    private final Ints columns;
    private final Floats shares;
    private final Ints counted;
    private final Pairs excluded;
    private final Pairs byTarget;
    private final Ints targets;
    private final Floats weights;

    /** Lists by number: those of i are offsets[i] until offsets[i + 1]. */
    private record Pairs(Ints offsets, Ints numbers, Ints otherOffsets, Ints otherNumbers) {}

    private Packed(Upload upload, Targets t, Candidates c) {
      rows = t.rows();
      candidates = c.size();
      int n = t.offsets()[rows];
      boolean masked = c.accidentalHits() == Candidates.AccidentalHits.MASKED;
      int[] rings = masked ? c.rings() : null;
      int[] inSum = new int[n];
      int[] excludedOffsets = new int[rows + 1];
      int[] excludedColumns = new int[n];
      int size = 0;
      for (int row = 0; row < rows; row++) {
        int from = size;
        for (int i = t.offsets()[row]; i < t.offsets()[row + 1]; i++) {
          int own = t.columns()[i];
          int at = own;
          boolean counts = masked || c.counts()[own] == 0;
          inSum[i] = counts ? 1 : 0;
          do {
            if (counts) {
              if (size == excludedColumns.length) {
                excludedColumns = Arrays.copyOf(excludedColumns, 2 * size);
              }
              excludedColumns[size++] = at;
            }
            at = rings == null ? own : rings[at];
          } while (at != own);
        }
        Arrays.sort(excludedColumns, from, size);
        excludedOffsets[row + 1] = size;
      }
      offsets = upload.put(t.offsets(), rows + 1);
      columns = upload.put(t.columns(), n);
      shares = upload.put(t.shares(), n);
      counted = upload.put(inSum, n);
      weights = upload.put(weights(t), rows);
      int[][] rowsOf = transposed(excludedOffsets, excludedColumns, candidates);
      excluded =
          new Pairs(
              upload.put(excludedOffsets, rows + 1),
              upload.put(excludedColumns, size),
              upload.put(rowsOf[0], candidates + 1),
              upload.put(rowsOf[1], size));
      int[][] targetsOf = transposed(t.offsets(), t.columns(), candidates);
      byTarget =
          new Pairs(
              offsets,
              columns,
              upload.put(targetsOf[0], candidates + 1),
              upload.put(targetsOf[1], n));
      targets = upload.put(targetsOf[2], n);
    }

    /**
     * Puts a batch's targets to what is uploaded.
     *
     * @param candidates whose correction is not looked at
     */
    public static Packed pack(Upload upload, Targets targets, Candidates candidates) {
      targets.checkColumns(candidates.size());
      return new Packed(upload, targets, candidates);
    }

    private static float[] weights(Targets targets) {
      double total = targets.totalWeight();
      float[] weights = new float[targets.rows()];
      for (int row = 0; row < weights.length && total > 0; row++) {
        weights[row] = (float) targets.share(row, total);
      }
      return weights;
    }

    /** For each column: offsets, the rows that list it, rising, and the places where they do. */
    private static int[][] transposed(int[] offsets, int[] columns, int size) {
      int rows = offsets.length - 1;
      int[] starts = new int[size + 1];
      for (int i = 0; i < offsets[rows]; i++) {
        starts[columns[i] + 1]++;
      }
      for (int column = 0; column < size; column++) {
        starts[column + 1] += starts[column];
      }
      int[] next = Arrays.copyOf(starts, size);
      int[] rowOf = new int[offsets[rows]];
      int[] placeOf = new int[offsets[rows]];
      for (int row = 0; row < rows; row++) {
        for (int i = offsets[row]; i < offsets[row + 1]; i++) {
          int at = next[columns[i]]++;
          rowOf[at] = row;
          placeOf[at] = i;
        }
      }
      return new int[][] {starts, rowOf, placeOf};
    }
  }

  /**
   * Loss and gradients, which {@link #byU} and {@link #byV} then give.
   *
   * @param u [rows, dim] query embeddings
   * @param v [candidates, dim] item embeddings
   * @param candidates those that were packed, with their correction
   * @param temperature τ, above 0
   * @throws NonFiniteException if the loss is
   */
  public CandidateLoss.Result compute(
      Floats u, Floats v, Packed packed, Candidates candidates, double temperature) {
    if (!(temperature > 0)) {
      throw new IllegalArgumentException("temperature (" + temperature + ") must be > 0");
    }
    if (candidates.size() != packed.candidates) {
      throw new IllegalArgumentException(
          "expected the %d candidates that were packed, found %d"
              .formatted(packed.candidates, candidates.size()));
    }
    byU = room(byU, (long) packed.rows * dim);
    byV = room(byV, (long) packed.candidates * dim);
    RowLoss.Columns columns = new RowLoss.Columns(candidates);
    int m = candidates.size();
    float[] asNegative = new float[Softmax.padded(m)];
    float[] asPositive = new float[m];
    Arrays.fill(asNegative, Softmax.NEVER);
    for (int column = 0; column < m; column++) {
      float negative = columns.asNegative[column];
      asPositive[column] = (float) (columns.asPositive[column] * Softmax.LOG2_E);
      if (negative != RowLoss.NEVER) {
        asNegative[column] = (float) (negative * Softmax.LOG2_E);
      }
    }
    terms.begin();
    Floats negatives = terms.put(asNegative, asNegative.length);
    Floats positives = terms.put(asPositive, m);
    terms.send();
    terms.await();
    Softmax.Result result =
        device.softmax(
            new Softmax(
                packed.rows,
                m,
                dim,
                u,
                v,
                packed.offsets,
                packed.columns,
                packed.shares,
                packed.counted,
                packed.excluded.offsets(),
                packed.excluded.numbers(),
                packed.excluded.otherOffsets(),
                packed.excluded.otherNumbers(),
                packed.byTarget.otherOffsets(),
                packed.byTarget.otherNumbers(),
                packed.targets,
                negatives,
                positives,
                packed.weights,
                (float) (1 / temperature),
                byU,
                byV));
    if (!Double.isFinite(result.loss())) {
      throw new NonFiniteException("the loss is " + result.loss() + ": " + blame(u, v, packed));
    }
    return new CandidateLoss.Result(result.loss(), -result.along() / temperature);
  }

  /** ∂loss/∂u of the last call, [rows, dim]. */
  public Floats byU() {
    return byU;
  }

  /** ∂loss/∂v of the last call, [candidates, dim]. */
  public Floats byV() {
    return byV;
  }

  private String blame(Floats u, Floats v, Packed packed) {
    if (!isFinite(u, packed.rows)) {
      return "a query embedding is not finite";
    }
    if (!isFinite(v, packed.candidates)) {
      return "an item embedding is not finite";
    }
    return "the embeddings are finite, their logits are not";
  }

  private boolean isFinite(Floats matrix, int rows) {
    float[] values = new float[rows * dim];
    device.read(matrix, values, 0, values.length);
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  private Floats room(Floats reused, long length) {
    if (reused.length() >= length) {
      return reused;
    }
    device.free(reused);
    return device.floats(length + length / 8);
  }

  @Override
  public void close() {
    terms.close();
    device.free(byU);
    device.free(byV);
  }
}
