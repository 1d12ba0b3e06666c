package io.tandem.loss;

import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The softmax of a tile's rows in place: logits in, ∂loss/∂logits out. Rows are independent and run
 * in parallel.
 */
sealed interface LogitRows permits LogitRows.OfFloat, LogitRows.OfDouble {

  /**
   * Turns logits into their gradient.
   *
   * @param tile buffer of rows × n logits, row-major
   * @param first row of the batch that the tile's first row is
   * @param nextSame [batch] for each row, the next in a ring of those with the same item whose
   *     logits are left out of its softmax; itself where there are none
   * @param losses receives −log softmax of each row's positive, unweighted, at first + row
   */
  void run(
      INDArray tile,
      int first,
      int rows,
      int n,
      InBatchSoftmax.Batch batch,
      int[] nextSame,
      double[] losses);

  /** For the type of the embeddings. */
  static LogitRows of(DataType type) {
    return type == DataType.DOUBLE ? new OfDouble() : new OfFloat();
  }

  /** w_i / Σ w: each row's part in the mean. */
  static double share(InBatchSoftmax.Batch batch, int row, double totalWeight) {
    float[] weights = batch.weights();
    return (weights == null ? 1 : weights[row]) / totalWeight;
  }

  /** Σ w, or the number of rows. */
  static double totalWeight(float @Nullable [] weights, int rows) {
    if (weights == null) {
      return rows;
    }
    double total = 0;
    for (int row = 0; row < rows; row++) {
      total += weights[row];
    }
    return total;
  }

  /** Single precision, as trained. */
  final class OfFloat implements LogitRows {
    private final ThreadLocal<float[]> rowBuffers = ThreadLocal.withInitial(() -> new float[0]);

    @Override
    public void run(
        INDArray tile,
        int first,
        int rows,
        int n,
        InBatchSoftmax.Batch batch,
        int[] nextSame,
        double[] losses) {
      FloatBuffer logits = tile.data().asNioFloat();
      double total = totalWeight(batch.weights(), losses.length);
      IntStream.range(0, rows)
          .parallel()
          .forEach(
              row -> {
                float[] values = rowBuffers.get();
                if (values.length < n) {
                  values = new float[n];
                  rowBuffers.set(values);
                }
                logits.get(row * n, values, 0, n);
                float share = (float) share(batch, first + row, total);
                losses[first + row] = row(values, n, first + row, batch, nextSame, share);
                logits.put(row * n, values, 0, n);
              });
    }

    private static double row(
        float[] values,
        int n,
        int positive,
        InBatchSoftmax.Batch batch,
        int[] nextSame,
        float share) {
      float[] logQ = batch.logQ();
      if (logQ != null) {
        for (int j = 0; j < n; j++) {
          values[j] -= logQ[j];
        }
      }
      float own = values[positive];
      for (int j = nextSame[positive]; j != positive; j = nextSame[j]) {
        values[j] = own;
      }
      float max = max(values, n);
      FastExp.exp(values, n, max);
      for (int j = nextSame[positive]; j != positive; j = nextSame[j]) {
        values[j] = 0;
      }
      double sum = sum(values, n);
      float scale = (float) (share / sum);
      for (int j = 0; j < n; j++) {
        values[j] *= scale;
      }
      values[positive] -= share;
      return Math.log(sum) - (own - max);
    }

    /** Four at a time: one chain of comparisons would wait for itself. */
    private static float max(float[] values, int n) {
      float max0 = Float.NEGATIVE_INFINITY;
      float max1 = max0;
      float max2 = max0;
      float max3 = max0;
      int j = 0;
      for (; j + 3 < n; j += 4) {
        max0 = Math.max(max0, values[j]);
        max1 = Math.max(max1, values[j + 1]);
        max2 = Math.max(max2, values[j + 2]);
        max3 = Math.max(max3, values[j + 3]);
      }
      for (; j < n; j++) {
        max0 = Math.max(max0, values[j]);
      }
      return Math.max(Math.max(max0, max1), Math.max(max2, max3));
    }

    private static double sum(float[] values, int n) {
      float sum0 = 0;
      float sum1 = 0;
      float sum2 = 0;
      float sum3 = 0;
      int j = 0;
      for (; j + 3 < n; j += 4) {
        sum0 += values[j];
        sum1 += values[j + 1];
        sum2 += values[j + 2];
        sum3 += values[j + 3];
      }
      for (; j < n; j++) {
        sum0 += values[j];
      }
      return (double) sum0 + sum1 + sum2 + sum3;
    }
  }

  /** Double precision, in which gradients are checked. */
  final class OfDouble implements LogitRows {
    @Override
    public void run(
        INDArray tile,
        int first,
        int rows,
        int n,
        InBatchSoftmax.Batch batch,
        int[] nextSame,
        double[] losses) {
      DoubleBuffer logits = tile.data().asNioDouble();
      double total = totalWeight(batch.weights(), losses.length);
      double[] values = new double[n];
      for (int row = 0; row < rows; row++) {
        logits.get(row * n, values, 0, n);
        double share = share(batch, first + row, total);
        losses[first + row] = row(values, first + row, batch, nextSame, share);
        logits.put(row * n, values, 0, n);
      }
    }

    private static double row(
        double[] values, int positive, InBatchSoftmax.Batch batch, int[] nextSame, double share) {
      float[] logQ = batch.logQ();
      double max = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < values.length; j++) {
        values[j] -= logQ == null ? 0 : logQ[j];
      }
      for (int j = nextSame[positive]; j != positive; j = nextSame[j]) {
        values[j] = Double.NEGATIVE_INFINITY;
      }
      for (double value : values) {
        max = Math.max(max, value);
      }
      double own = values[positive];
      double sum = 0;
      for (int j = 0; j < values.length; j++) {
        values[j] = Math.exp(values[j] - max);
        sum += values[j];
      }
      for (int j = 0; j < values.length; j++) {
        values[j] *= share / sum;
      }
      values[positive] -= share;
      return Math.log(sum) - (own - max);
    }
  }
}
