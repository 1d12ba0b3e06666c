package io.tandem.loss;

import java.nio.FloatBuffer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The loss of one row over its logits, and its gradient in their place. Rows are independent and
 * run in parallel.
 */
abstract sealed class RowLoss permits SoftmaxRow, ContrastiveRow {
  /** Far below any logit, and finite, so that differences of it are. */
  static final float NEVER = -1e30f;

  private final ThreadLocal<Row> rows = ThreadLocal.withInitial(Row::new);

  /** What is added to the logits of every column, the same for all rows of a batch. */
  static final class Columns {
    /** As a negative: log count − log Q. */
    final float[] asNegative;

    /** As a positive: − log Q. */
    final float[] asPositive;

    final float[] counts;
    final boolean masked;
    final int @Nullable [] rings;

    Columns(Candidates candidates) {
      int m = candidates.size();
      asNegative = new float[m];
      asPositive = new float[m];
      counts = candidates.counts();
      masked = candidates.accidentalHits() == Candidates.AccidentalHits.MASKED;
      rings = masked ? candidates.rings() : null;
      float[] logQ = candidates.logQ();
      for (int column = 0; column < m; column++) {
        float count = counts[column];
        asPositive[column] = logQ == null ? 0 : -logQ[column];
        asNegative[column] = asNegative(count, asPositive[column]);
      }
    }

    /** log count − log Q, the second being the term as a positive. */
    static float asNegative(float count, float asPositive) {
      // Most are drawn once.
      return count == 0
          ? NEVER
          : count == 1 ? asPositive : (float) (Math.log(count) + (double) asPositive);
    }

    int size() {
      return counts.length;
    }
  }

  /** A row at work: its logits, and its positives. */
  static final class Row {
    float[] values = new float[0];

    /** A target that is spread over the columns. */
    float[] even = new float[0];

    /** Logits of the positives, before anything is added. */
    float[] raw = new float[1];

    int[] columns = new int[0];
    float[] shares = new float[0];
    int from;
    int to;
  }

  /**
   * Turns logits into their gradients.
   *
   * @param logits rows × m, row-major
   * @param first row of the batch that the first of them is
   * @param losses receives the loss of each row, unweighted, at first + row
   */
  final void run(
      FloatBuffer logits, int first, int count, Targets targets, Columns columns, double[] losses) {
    int m = columns.size();
    double total = targets.totalWeight();
    IntStream.range(0, count)
        .parallel()
        .forEach(
            place -> {
              Row row = rows.get();
              if (row.values.length < m) {
                row.values = new float[m];
              }
              logits.get(place * m, row.values, 0, m);
              row.columns = targets.columns();
              row.shares = targets.shares();
              row.from = targets.offsets()[first + place];
              row.to = targets.offsets()[first + place + 1];
              if (row.raw.length < row.to - row.from) {
                row.raw = new float[row.to - row.from];
              }
              for (int i = row.from; i < row.to; i++) {
                row.raw[i - row.from] = row.values[row.columns[i]];
              }
              float share = (float) targets.share(first + place, total);
              losses[first + place] =
                  row.to == row.from ? none(row, m) : apply(row, columns, share);
              logits.put(place * m, row.values, 0, m);
            });
  }

  /** A row without a positive asks for nothing. */
  private static double none(Row row, int m) {
    java.util.Arrays.fill(row.values, 0, m, 0);
    return 0;
  }

  /**
   * Replaces a row's logits by their gradient.
   *
   * @param share factor on the gradient
   * @return its loss, without the factor
   */
  abstract double apply(Row row, Columns columns, float share);
}
