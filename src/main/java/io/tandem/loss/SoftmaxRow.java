package io.tandem.loss;

/** Softmax cross-entropy of a row. */
final class SoftmaxRow extends RowLoss {
  private final float smoothing;

  SoftmaxRow(float smoothing) {
    this.smoothing = smoothing;
  }

  @Override
  double apply(Row row, Columns columns, float share) {
    float[] values = row.values;
    int m = columns.size();
    float[] asNegative = columns.asNegative;
    for (int j = 0; j < m; j++) {
      values[j] += asNegative[j];
    }
    int[] rings = columns.rings;
    double target = 0;
    for (int i = row.from; i < row.to; i++) {
      int own = row.columns[i];
      float logit = row.raw[i - row.from] + columns.asPositive[own];
      target += (double) row.shares[i] * logit;
      if (columns.masked || columns.counts[own] == 0) {
        values[own] = logit;
      }
      if (rings != null) {
        for (int j = rings[own]; j != own; j = rings[j]) {
          values[j] = NEVER;
        }
      }
    }
    double mean = smoothing > 0 ? spread(row, m) : 0;
    float max = max(values, m);
    FastExp.exp(values, m, max);
    double sum = sum(values, m);
    float scale = (float) (share / sum);
    for (int j = 0; j < m; j++) {
      values[j] *= scale;
    }
    for (int i = row.from; i < row.to; i++) {
      values[row.columns[i]] -= share * (1 - smoothing) * row.shares[i];
    }
    double logSum = Math.log(sum) + max;
    if (smoothing > 0) {
      for (int j = 0; j < m; j++) {
        values[j] -= share * smoothing * row.even[j];
      }
    }
    return logSum - (1 - smoothing) * target - smoothing * mean;
  }

  /** Spreads a target evenly over the columns that count for the row; mean of their logits. */
  private static double spread(Row row, int m) {
    if (row.even.length < m) {
      row.even = new float[m];
    }
    int valid = 0;
    double sum = 0;
    for (int j = 0; j < m; j++) {
      if (row.values[j] > NEVER / 2) {
        valid++;
        sum += row.values[j];
      }
    }
    for (int j = 0; j < m; j++) {
      row.even[j] = row.values[j] > NEVER / 2 ? 1f / valid : 0;
    }
    return sum / valid;
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
