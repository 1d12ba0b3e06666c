package io.tandem.loss;

import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.Ints;
import io.tandem.gpu.Part;
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

  /**
   * Who is whose target, and which pairs are left out, as a device takes them: of its part of the
   * rows, over all candidates. What both are padded with weighs nothing.
   */
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

    private Packed(Upload upload, Targets t, Candidates c, Part part) {
      int first = part.from(t.rows());
      rows = part.rows(t.rows());
      candidates = part.rows(c.size()) * part.size();
      int[] own = offsets(t, first);
      int begin = t.offsets()[first];
      int n = own[rows];
      boolean masked = c.accidentalHits() == Candidates.AccidentalHits.MASKED;
      int[] rings = masked ? c.rings() : null;
      int[] inSum = new int[n];
      int[] excludedOffsets = new int[rows + 1];
      int[] excludedColumns = new int[n];
      int size = 0;
      for (int row = 0; row < rows; row++) {
        int from = size;
        for (int i = own[row]; i < own[row + 1]; i++) {
          int target = t.columns()[begin + i];
          int at = target;
          boolean counts = masked || c.counts()[target] == 0;
          inSum[i] = counts ? 1 : 0;
          do {
            if (counts) {
              if (size == excludedColumns.length) {
                excludedColumns = Arrays.copyOf(excludedColumns, 2 * size);
              }
              excludedColumns[size++] = at;
            }
            at = rings == null ? target : rings[at];
          } while (at != target);
        }
        Arrays.sort(excludedColumns, from, size);
        excludedOffsets[row + 1] = size;
      }
      int[] ownColumns = Arrays.copyOfRange(t.columns(), begin, begin + n);
      offsets = upload.put(own, rows + 1);
      columns = upload.put(ownColumns, n);
      shares = upload.put(Arrays.copyOfRange(t.shares(), begin, begin + n), n);
      counted = upload.put(inSum, n);
      weights = upload.put(weights(t, first), rows);
      int[][] rowsOf = transposed(excludedOffsets, excludedColumns, candidates);
      excluded =
          new Pairs(
              upload.put(excludedOffsets, rows + 1),
              upload.put(excludedColumns, size),
              upload.put(rowsOf[0], candidates + 1),
              upload.put(rowsOf[1], size));
      int[][] targetsOf = transposed(own, ownColumns, candidates);
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
     * @param part of the rows that the device has
     */
    public static Packed pack(Upload upload, Targets targets, Candidates candidates, Part part) {
      targets.checkColumns(candidates.size());
      return new Packed(upload, targets, candidates, part);
    }

    /** Of this part's rows, from 0; those padded have no targets. */
    private int[] offsets(Targets t, int first) {
      int[] own = new int[rows + 1];
      for (int i = 0; i <= rows; i++) {
        own[i] = t.offsets()[Math.min(t.rows(), first + i)] - t.offsets()[first];
      }
      return own;
    }

    /** Parts of the whole batch's mean. */
    private float[] weights(Targets t, int first) {
      double total = t.totalWeight();
      float[] weights = new float[rows];
      for (int row = 0; row < rows && first + row < t.rows() && total > 0; row++) {
        weights[row] = (float) t.share(first + row, total);
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
   * Loss of a part's rows and gradients, which {@link #byU} and {@link #byV} then give.
   *
   * @param u [rows, dim] query embeddings
   * @param v [candidates, dim] item embeddings of the whole batch
   * @param candidates those that were packed, with their correction
   * @param temperature τ, above 0
   * @throws NonFiniteException if the loss is
   */
  public CandidateLoss.Result compute(
      Floats u, Floats v, Packed packed, Candidates candidates, double temperature) {
    if (!(temperature > 0)) {
      throw new IllegalArgumentException("temperature (" + temperature + ") must be > 0");
    }
    int padded = packed.candidates;
    if (candidates.size() > padded) {
      throw new IllegalArgumentException(
          "expected the candidates that were packed, at most %d, found %d"
              .formatted(padded, candidates.size()));
    }
    byU = room(byU, (long) packed.rows * dim);
    byV = room(byV, (long) padded * dim);
    RowLoss.Columns columns = new RowLoss.Columns(candidates);
    int m = candidates.size();
    float[] asNegative = new float[Softmax.padded(padded)];
    float[] asPositive = new float[padded];
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
    Floats positives = terms.put(asPositive, padded);
    terms.send();
    terms.await();
    Softmax.Result result =
        device.softmax(
            new Softmax(
                packed.rows,
                padded,
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
