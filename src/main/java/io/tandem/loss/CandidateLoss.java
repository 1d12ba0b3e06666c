package io.tandem.loss;

import io.tandem.backend.HostMemory;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.blas.Level3;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * A loss of query embeddings over candidate items: each row has its positives among the candidates,
 * the others are its negatives. In-batch softmax, sampled softmax and full softmax differ in which
 * candidates there are, see {@link Candidates}.
 *
 * <p>Logits are computed tile by tile in one reused buffer of a few megabytes; nothing of size rows
 * × candidates is ever held. Single precision. Not thread-safe; one instance per training loop.
 */
public final class CandidateLoss {
  /** Logits of a tile: they stay in the cache from one product to the next. */
  private static final int TILE = 1 << 20;

  private final RowLoss rowLoss;
  private @Nullable INDArray buffer;
  private double[] losses = new double[0];

  /**
   * Loss of a batch.
   *
   * @param loss weighted mean over the rows
   * @param temperatureGradient ∂loss/∂τ
   */
  public record Result(double loss, double temperatureGradient) {}

  private CandidateLoss(RowLoss rowLoss) {
    this.rowLoss = rowLoss;
  }

  /**
   * Softmax cross-entropy: −Σ_j p_j log softmax(s)_j with s_j = ⟨u, v_j⟩ / τ + log n_j − log Q_j, p
   * being the row's target. The correction by Q is Yi et al. 2019's.
   *
   * @param labelSmoothing share ε of the target that is spread evenly over all candidates (Szegedy
   *     et al. 2016)
   */
  public static CandidateLoss softmax(double labelSmoothing) {
    return new CandidateLoss(new SoftmaxRow((float) labelSmoothing));
  }

  /**
   * Cosine contrastive loss (CCL, Mao et al. 2021): (1 − s⁺) + w mean over negatives of max(0, s⁻ −
   * m). Embeddings are of length 1 and τ is 1.
   *
   * @param margin m
   * @param negativeWeight w
   */
  public static CandidateLoss cosineContrastive(double margin, double negativeWeight) {
    return new CandidateLoss(new ContrastiveRow((float) margin, (float) negativeWeight));
  }

  /**
   * Loss and gradients. All matrices are of type float and in row-major order.
   *
   * @param u [rows, dim] query embeddings
   * @param v [candidates, dim] item embeddings
   * @param temperature τ, above 0
   * @param gradU receives ∂loss/∂u, [rows, dim]
   * @param gradV receives ∂loss/∂v, [candidates, dim]
   * @throws NonFiniteException if the loss is; its message says whether an input was
   */
  public Result compute(
      INDArray u,
      INDArray v,
      Targets targets,
      Candidates candidates,
      double temperature,
      INDArray gradU,
      INDArray gradV) {
    check(u, v, targets, candidates, temperature);
    int n = targets.rows();
    int m = candidates.size();
    if (losses.length < n) {
      losses = new double[n];
    }
    double totalWeight = targets.totalWeight();
    if (totalWeight == 0) {
      gradU.assign(0);
      gradV.assign(0);
      return new Result(0, 0);
    }
    int tileRows = tileRows(n, m);
    INDArray tiles = buffer(m, tileRows);
    INDArray gradUt = gradU.transpose();
    INDArray gradVt = gradV.transpose();
    INDArray vt = v.transpose();
    double scale = 1 / temperature;
    RowLoss.Columns columns = new RowLoss.Columns(candidates);
    Level3 blas = Nd4j.getBlasWrapper().level3();
    for (int from = 0; from < n; from += tileRows) {
      int to = Math.min(n, from + tileRows);
      // Column t of [m, rows] in column-major order is row t of the tile's logits.
      INDArray logits =
          to - from == tileRows
              ? tiles
              : tiles.get(NDArrayIndex.all(), NDArrayIndex.interval(0, to - from));
      INDArray part = u.get(NDArrayIndex.interval(from, to), NDArrayIndex.all());
      blas.gemm(v, part, logits, false, true, scale, 0);
      rowLoss.run(HostMemory.of(tiles), from, to - from, targets, columns, losses);
      HostMemory.written(tiles);
      INDArray gradPart = gradUt.get(NDArrayIndex.all(), NDArrayIndex.interval(from, to));
      blas.gemm(vt, logits, gradPart, false, false, scale, 0);
      blas.gemm(
          part.transpose(), logits.transpose(), gradVt, false, false, scale, from == 0 ? 0 : 1);
    }
    double loss = 0;
    for (int row = 0; row < n; row++) {
      double share = targets.share(row, totalWeight);
      loss += share == 0 ? 0 : share * losses[row];
    }
    if (!Double.isFinite(loss)) {
      throw new NonFiniteException("the loss is " + loss + ": " + blame(u, v));
    }
    // Σ_ij (∂L/∂s_ij) s_ij, but for what does not depend on τ, is Σ_i ⟨u_i, ∂L/∂u_i⟩.
    double along = u.mul(gradU).sumNumber().doubleValue();
    return new Result(loss, -along / temperature);
  }

  /** Rows of a tile for n rows over m candidates. */
  static int tileRows(int n, int m) {
    return Math.max(1, Math.min(n, TILE / m));
  }

  private static void check(
      INDArray u, INDArray v, Targets targets, Candidates candidates, double temperature) {
    boolean fits =
        u.rank() == 2
            && v.rank() == 2
            && u.size(1) == v.size(1)
            && u.size(0) == targets.rows()
            && v.size(0) == candidates.size()
            && u.dataType() == DataType.FLOAT
            && v.dataType() == DataType.FLOAT;
    if (!fits) {
      throw new IllegalArgumentException(
          "expected floats u of [%d, dim] and v of [%d, dim], found %s %s and %s %s"
              .formatted(
                  targets.rows(),
                  candidates.size(),
                  u.dataType(),
                  java.util.Arrays.toString(u.shape()),
                  v.dataType(),
                  java.util.Arrays.toString(v.shape())));
    }
    if (!(temperature > 0)) {
      throw new IllegalArgumentException("temperature (" + temperature + ") must be > 0");
    }
    targets.checkColumns(candidates.size());
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

  private INDArray buffer(int m, int rows) {
    INDArray current = buffer;
    if (current == null || current.size(0) != m || current.size(1) != rows) {
      if (current != null) {
        current.close();
      }
      current = Nd4j.createUninitialized(DataType.FLOAT, new long[] {m, rows}, 'f');
      buffer = current;
    }
    return current;
  }
}
