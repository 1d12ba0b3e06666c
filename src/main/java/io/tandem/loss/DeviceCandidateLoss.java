package io.tandem.loss;

import io.tandem.gpu.Device;
import io.tandem.gpu.Floats;
import io.tandem.gpu.Ints;
import io.tandem.gpu.Part;
import io.tandem.gpu.Softmax;
import io.tandem.gpu.Upload;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Softmax cross-entropy over candidates on a device: what {@link CandidateLoss#softmax} with no
 * smoothing computes, with embeddings and gradients in the device's memory. One thread at a time,
 * but for {@link Packed#pack}.
 */
public final class DeviceCandidateLoss implements AutoCloseable {
  /** Columns whose terms a thread computes at a time. */
  private static final int CHUNK = 4096;

  private final Device device;
  private final int dim;
  private final Upload terms;
  private Floats byU;
  private Floats byV;
  private float[] asNegative = new float[0];
  private float[] asPositive = new float[0];
  private @Nullable Asked asked;

  /** What the last loss is of. */
  private record Asked(Floats u, Floats v, Packed packed, double temperature) {}

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
      int begin = t.offsets()[first];
      int[] own = offsets(t, first, begin);
      int n = own[rows];
      int[] ownColumns =
          begin == 0 ? t.columns() : Arrays.copyOfRange(t.columns(), begin, begin + n);
      offsets = upload.put(own, rows + 1);
      columns = upload.put(ownColumns, n);
      shares = upload.put(t.shares(), begin, n);
      weights = upload.put(weights(t, first), rows);
      int[][] targetsOf = transposed(own, ownColumns, rows, candidates);
      byTarget =
          new Pairs(
              offsets,
              columns,
              upload.put(targetsOf[0], candidates + 1),
              upload.put(targetsOf[1], n));
      targets = upload.put(targetsOf[2], n);
      boolean masked = c.accidentalHits() == Candidates.AccidentalHits.MASKED;
      int[] rings = masked ? c.rings() : null;
      int[] inSum = new int[n];
      if (masked && rings == null && isSingle(own)) {
        // What a row leaves out is its target, whose lists are there.
        Arrays.fill(inSum, 1);
        excluded = byTarget;
      } else {
        excluded = excluded(upload, own, ownColumns, c, rings, inSum);
      }
      counted = upload.put(inSum, n);
    }

    private boolean isSingle(int[] own) {
      for (int row = 0; row < rows; row++) {
        if (own[row + 1] - own[row] > 1) {
          return false;
        }
      }
      return true;
    }

    /**
     * Candidates that are left out of the rows' sums.
     *
     * @param rings of candidates that are the same item, where accidental hits are masked
     * @param inSum receives 1 for each target that is in its row's sum as such
     */
    private Pairs excluded(
        Upload upload,
        int[] own,
        int[] ownColumns,
        Candidates c,
        int @Nullable [] rings,
        int[] inSum) {
      boolean masked = c.accidentalHits() == Candidates.AccidentalHits.MASKED;
      int[] excludedOffsets = new int[rows + 1];
      int[] excludedColumns = new int[inSum.length];
      int size = 0;
      for (int row = 0; row < rows; row++) {
        int from = size;
        for (int i = own[row]; i < own[row + 1]; i++) {
          int target = ownColumns[i];
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
      int[][] rowsOf = transposed(excludedOffsets, excludedColumns, rows, candidates);
      return new Pairs(
          upload.put(excludedOffsets, rows + 1),
          upload.put(excludedColumns, size),
          upload.put(rowsOf[0], candidates + 1),
          upload.put(rowsOf[1], size));
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
    private int[] offsets(Targets t, int first, int begin) {
      if (rows == t.rows()) {
        return t.offsets();
      }
      int[] own = new int[rows + 1];
      for (int i = 0; i <= rows; i++) {
        own[i] = t.offsets()[Math.min(t.rows(), first + i)] - begin;
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
    private static int[][] transposed(int[] offsets, int[] columns, int rows, int size) {
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
   * Asks for the loss of a part's rows, which {@link #result} then gives, and for its gradients,
   * {@link #byU} and {@link #byV}.
   *
   * @param u [rows, dim] query embeddings
   * @param v [candidates, dim] item embeddings of the whole batch
   * @param candidates those that were packed, with their correction
   * @param temperature τ, above 0
   */
  public void run(Floats u, Floats v, Packed packed, Candidates candidates, double temperature) {
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
    fillTerms(candidates, padded);
    terms.begin();
    Floats negatives = terms.put(asNegative, Softmax.padded(padded));
    Floats positives = terms.put(asPositive, padded);
    terms.send();
    terms.await();
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
    asked = new Asked(u, v, packed, temperature);
  }

  /** What is added to each column's logits, in units of log 2; nothing of those padded counts. */
  private void fillTerms(Candidates candidates, int padded) {
    int m = candidates.size();
    int length = Softmax.padded(padded);
    if (asNegative.length < length) {
      asNegative = new float[length + length / 8];
      asPositive = new float[length + length / 8];
    }
    Arrays.fill(asNegative, m, length, Softmax.NEVER);
    Arrays.fill(asPositive, m, padded, 0);
    float[] counts = candidates.counts();
    float[] logQ = candidates.logQ();
    IntStream.range(0, (m + CHUNK - 1) / CHUNK)
        .parallel()
        .forEach(
            chunk -> {
              int end = Math.min(m, (chunk + 1) * CHUNK);
              for (int column = chunk * CHUNK; column < end; column++) {
                float positive = logQ == null ? 0 : -logQ[column];
                float negative = RowLoss.Columns.asNegative(counts[column], positive);
                asPositive[column] = (float) (positive * Softmax.LOG2_E);
                asNegative[column] =
                    negative == RowLoss.NEVER ? Softmax.NEVER : (float) (negative * Softmax.LOG2_E);
              }
            });
  }

  /**
   * Waits for the loss of the last {@link #run}, and not for what the device was asked since.
   *
   * @throws NonFiniteException if the loss is not finite
   */
  public CandidateLoss.Result result() {
    Asked last = asked;
    if (last == null) {
      throw new IllegalStateException("no loss was asked for");
    }
    Softmax.Result result = device.softmaxResult();
    if (!Double.isFinite(result.loss())) {
      throw new NonFiniteException("the loss is " + result.loss() + ": " + blame(last));
    }
    return new CandidateLoss.Result(result.loss(), -result.along() / last.temperature());
  }

  /** ∂loss/∂u of the last call, [rows, dim]. */
  public Floats byU() {
    return byU;
  }

  /** ∂loss/∂v of the last call, [candidates, dim]. */
  public Floats byV() {
    return byV;
  }

  private String blame(Asked last) {
    if (!isFinite(last.u(), last.packed().rows)) {
      return "a query embedding is not finite";
    }
    if (!isFinite(last.v(), last.packed().candidates)) {
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
