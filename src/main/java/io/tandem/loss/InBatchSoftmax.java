package io.tandem.loss;

import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.blas.Level3;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * In-batch softmax: row i's positive is item row i, its negatives are the batch's other items.
 *
 * <p>With logits s_ij = ⟨u_i, v_j⟩ / τ − log Q_j, the loss is the weighted mean of −log
 * softmax(s_i)_i. The correction by Q, the probability that an item is drawn into a batch, is Yi et
 * al. 2019's. Logits are computed tile by tile in one reused buffer of a few megabytes; nothing of
 * size batch² is ever held. Not thread-safe; one instance per training loop.
 */
public final class InBatchSoftmax {
  /** Logits of a tile: they stay in the cache from one product to the next. */
  private static final int TILE = 1 << 20;

  private @Nullable INDArray buffer;
  private @Nullable LogitRows logitRows;
  private double[] losses = new double[0];

  /**
   * The parts of a batch beside its embeddings.
   *
   * @param items [batch] number of each row's item, to recognise accidental hits
   * @param logQ [batch] log of each row's item's sampling probability, or null for no correction
   * @param weights [batch] non-negative weights, or null for all 1
   * @param maskAccidentalHits whether other rows with the same item are left out of the softmax
   */
  public record Batch(
      int[] items,
      float @Nullable [] logQ,
      float @Nullable [] weights,
      boolean maskAccidentalHits) {}

  /**
   * Loss of a batch.
   *
   * @param loss weighted mean over the batch
   * @param temperatureGradient ∂loss/∂τ
   */
  public record Result(double loss, double temperatureGradient) {}

  /**
   * Loss and gradients. All four matrices are of one type, float or double, and in row-major order.
   *
   * @param u [batch, dim] query embeddings
   * @param v [batch, dim] item embeddings
   * @param temperature τ, above 0
   * @param gradU receives ∂loss/∂u, [batch, dim]
   * @param gradV receives ∂loss/∂v, [batch, dim]
   * @throws NonFiniteException if the loss is; its message says whether an input was
   */
  public Result compute(
      INDArray u, INDArray v, Batch batch, double temperature, INDArray gradU, INDArray gradV) {
    int n = check(u, v, batch, temperature);
    if (losses.length != n) {
      losses = new double[n];
    }
    if (LogitRows.totalWeight(batch.weights(), n) == 0) {
      gradU.assign(0);
      gradV.assign(0);
      return new Result(0, 0);
    }
    int tileRows = tileRows(n);
    INDArray tiles = buffer(u.dataType(), n, tileRows);
    LogitRows rows = rows(u.dataType());
    INDArray gradUt = gradU.transpose();
    INDArray gradVt = gradV.transpose();
    INDArray vt = v.transpose();
    double scale = 1 / temperature;
    int[] nextSame = rings(batch);
    Level3 blas = Nd4j.getBlasWrapper().level3();
    for (int from = 0; from < n; from += tileRows) {
      int to = Math.min(n, from + tileRows);
      // Column t of [n, rows] in column-major order is row t of the tile's logits.
      INDArray logits =
          to - from == tileRows
              ? tiles
              : tiles.get(NDArrayIndex.all(), NDArrayIndex.interval(0, to - from));
      INDArray part = u.get(NDArrayIndex.interval(from, to), NDArrayIndex.all());
      blas.gemm(v, part, logits, false, true, scale, 0);
      rows.run(tiles, from, to - from, n, batch, nextSame, losses);
      INDArray gradPart = gradUt.get(NDArrayIndex.all(), NDArrayIndex.interval(from, to));
      blas.gemm(vt, logits, gradPart, false, false, scale, 0);
      blas.gemm(
          part.transpose(), logits.transpose(), gradVt, false, false, scale, from == 0 ? 0 : 1);
    }
    double loss = meanLoss(batch, n);
    if (!Double.isFinite(loss)) {
      throw new NonFiniteException("the loss is " + loss + ": " + blame(u, v));
    }
    // Σ_ij (∂L/∂s_ij) s_ij is Σ_i ⟨u_i, ∂L/∂u_i⟩.
    double along = dot(u, gradU);
    return new Result(loss, -along / temperature);
  }

  /** Rows of a tile for a batch of n. */
  static int tileRows(int n) {
    return Math.max(1, Math.min(n, TILE / n));
  }

  private int check(INDArray u, INDArray v, Batch batch, double temperature) {
    boolean fits =
        u.rank() == 2
            && v.rank() == 2
            && u.size(0) == v.size(0)
            && u.size(1) == v.size(1)
            && u.size(0) == batch.items().length;
    if (!fits) {
      throw new IllegalArgumentException(
          "expected u and v of shape [%d, dim], found %s and %s"
              .formatted(
                  batch.items().length,
                  java.util.Arrays.toString(u.shape()),
                  java.util.Arrays.toString(v.shape())));
    }
    if (!(temperature > 0)) {
      throw new IllegalArgumentException("temperature (" + temperature + ") must be > 0");
    }
    return batch.items().length;
  }

  /** Rows of the same item, linked to rings; every row alone where accidental hits are kept. */
  private static int[] rings(Batch batch) {
    int[] items = batch.items();
    int[] next = new int[items.length];
    Int2IntOpenHashMap last = new Int2IntOpenHashMap(items.length);
    last.defaultReturnValue(-1);
    for (int row = 0; row < items.length; row++) {
      int before = batch.maskAccidentalHits() ? last.put(items[row], row) : -1;
      if (before < 0) {
        next[row] = row;
      } else {
        next[row] = next[before];
        next[before] = row;
      }
    }
    return next;
  }

  private double meanLoss(Batch batch, int n) {
    double total = LogitRows.totalWeight(batch.weights(), n);
    double loss = 0;
    for (int row = 0; row < n; row++) {
      double share = LogitRows.share(batch, row, total);
      loss += share == 0 ? 0 : share * losses[row];
    }
    return loss;
  }

  private static double dot(INDArray a, INDArray b) {
    return a.mul(b).sumNumber().doubleValue();
  }

  private static String blame(INDArray u, INDArray v) {
    if (!Double.isFinite(u.sumNumber().doubleValue())) {
      return "a query embedding is not finite";
    }
    if (!Double.isFinite(v.sumNumber().doubleValue())) {
      return "an item embedding is not finite";
    }
    return "the embeddings are finite, their logits are not";
  }

  private INDArray buffer(DataType type, int n, int rows) {
    INDArray current = buffer;
    if (current == null
        || current.dataType() != type
        || current.size(0) != n
        || current.size(1) != rows) {
      current = Nd4j.createUninitialized(type, new long[] {n, rows}, 'f');
      buffer = current;
    }
    return current;
  }

  private LogitRows rows(DataType type) {
    LogitRows current = logitRows;
    if (current == null || (current instanceof LogitRows.OfDouble) != (type == DataType.DOUBLE)) {
      current = LogitRows.of(type);
      logitRows = current;
    }
    return current;
  }
}
