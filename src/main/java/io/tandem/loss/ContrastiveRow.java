package io.tandem.loss;

/** Cosine contrastive loss of a row. */
final class ContrastiveRow extends RowLoss {
  private final float margin;
  private final float weight;

  ContrastiveRow(float margin, float weight) {
    this.margin = margin;
    this.weight = weight;
  }

  @Override
  double apply(Row row, Columns columns, float share) {
    float[] values = row.values;
    int m = columns.size();
    int[] rings = columns.rings;
    double loss = 0;
    for (int i = row.from; i < row.to; i++) {
      int own = row.columns[i];
      loss += row.shares[i] * (1.0 - row.raw[i - row.from]);
      if (columns.masked) {
        values[own] = NEVER;
      }
      if (rings != null) {
        for (int j = rings[own]; j != own; j = rings[j]) {
          values[j] = NEVER;
        }
      }
    }
    double draws = 0;
    double above = 0;
    for (int j = 0; j < m; j++) {
      boolean negative = values[j] != NEVER;
      float count = negative ? columns.counts[j] : 0;
      draws += count;
      above += count * Math.max(0, (double) values[j] - margin);
    }
    float each = draws == 0 ? 0 : (float) (share * weight / draws);
    for (int j = 0; j < m; j++) {
      values[j] = values[j] > margin ? each * columns.counts[j] : 0;
    }
    for (int i = row.from; i < row.to; i++) {
      values[row.columns[i]] -= share * row.shares[i];
    }
    return loss + (draws == 0 ? 0 : weight * above / draws);
  }
}
