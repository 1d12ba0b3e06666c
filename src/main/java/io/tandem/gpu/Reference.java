package io.tandem.gpu;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What the kernels compute, as plainly as it can be said. Sums are in double precision: what a
 * kernel differs by is its own rounding.
 */
final class Reference {
  private Reference() {}

  static void gatherPool(Gather gather) {
    HostFloats table = HostFloats.of(gather.table());
    HostFloats weights = HostFloats.of(gather.weights());
    HostFloats out = HostFloats.of(gather.out());
    int[] columns = HostInts.of(gather.columns());
    int[] offsets = HostInts.of(gather.offsets());
    int[] ids = HostInts.of(gather.ids());
    int dim = gather.dim();
    for (int s = 0; s < gather.rows() * columns.length; s++) {
      int to = s / columns.length * gather.width() + columns[s % columns.length];
      for (int i = 0; i < dim; i++) {
        double sum = gather.adds() ? out.get(to + i) : 0;
        for (int e = offsets[s]; e < offsets[s + 1]; e++) {
          sum += (double) weights.get(e) * table.get(ids[e] * dim + i);
        }
        out.set(to + i, sum);
      }
    }
  }

  static void updateRows(RowUpdate update, int[] ids, int[] sources) {
    HostFloats weights = HostFloats.of(update.weights());
    HostFloats gradients = HostFloats.of(update.gradients());
    int dim = update.dim();
    int[] order =
        IntStream.range(0, update.entries())
            .boxed()
            .sorted(Comparator.comparingInt((Integer e) -> ids[e]))
            .mapToInt(Integer::intValue)
            .toArray();
    double[] sum = new double[dim];
    for (int place = 0; place < order.length; place++) {
      int entry = order[place];
      for (int i = 0; i < dim; i++) {
        sum[i] += (double) weights.get(entry) * gradients.get(sources[entry] + i);
      }
      if (place + 1 == order.length || ids[order[place + 1]] != ids[entry]) {
        moveRow(update, ids[entry], sum);
        Arrays.fill(sum, 0);
      }
    }
  }

  private static void moveRow(RowUpdate update, int row, double[] gradient) {
    HostFloats table = HostFloats.of(update.table());
    HostFloats first = HostFloats.of(update.first());
    Floats second = update.second();
    int dim = update.dim();
    if (second == null) {
      double squares = Arrays.stream(gradient).map(g -> g * g).sum();
      double accumulated = first.get(row) + squares / dim;
      first.set(row, accumulated);
      double step = update.rate() / (Math.sqrt(accumulated) + RowUpdate.EPSILON);
      for (int i = 0; i < dim; i++) {
        table.set(row * dim + i, table.get(row * dim + i) - step * gradient[i]);
      }
      return;
    }
    adam(table, first, HostFloats.of(second), row * dim, gradient, update.rate());
  }

  private static void adam(
      HostFloats w, HostFloats mean, HostFloats square, int from, double[] gradient, double rate) {
    for (int i = 0; i < gradient.length; i++) {
      double g = gradient[i];
      double m = RowUpdate.BETA1 * mean.get(from + i) + (1 - RowUpdate.BETA1) * g;
      double v = RowUpdate.BETA2 * square.get(from + i) + (1 - RowUpdate.BETA2) * g * g;
      mean.set(from + i, m);
      square.set(from + i, v);
      w.set(from + i, w.get(from + i) - rate * m / (Math.sqrt(v) + RowUpdate.EPSILON));
    }
  }

  static void layer(
      HostFloats x,
      HostFloats w,
      HostFloats bias,
      int rows,
      int in,
      int width,
      Activation activation,
      @Nullable HostFloats before,
      HostFloats out) {
    for (int row = 0; row < rows; row++) {
      for (int j = 0; j < width; j++) {
        double sum = bias.get(j);
        for (int i = 0; i < in; i++) {
          sum += (double) x.get(row * in + i) * w.get(j * in + i);
        }
        if (before != null) {
          before.set(row * width + j, sum);
        }
        out.set(row * width + j, activation.apply(sum));
      }
    }
  }

  static void inputGradient(
      HostFloats g, HostFloats w, int rows, int in, int width, HostFloats byX) {
    double[] sum = new double[in];
    for (int row = 0; row < rows; row++) {
      Arrays.fill(sum, 0);
      for (int j = 0; j < width; j++) {
        for (int i = 0; i < in; i++) {
          sum[i] += (double) g.get(row * width + j) * w.get(j * in + i);
        }
      }
      for (int i = 0; i < in; i++) {
        byX.set(row * in + i, sum[i]);
      }
    }
  }

  static void weightGradient(
      HostFloats g, HostFloats x, int rows, int in, int width, HostFloats byW, HostFloats byBias) {
    double[] sum = new double[in];
    for (int j = 0; j < width; j++) {
      Arrays.fill(sum, 0);
      double biasSum = 0;
      for (int row = 0; row < rows; row++) {
        double gradient = g.get(row * width + j);
        biasSum += gradient;
        for (int i = 0; i < in; i++) {
          sum[i] += gradient * x.get(row * in + i);
        }
      }
      byBias.set(j, biasSum);
      for (int i = 0; i < in; i++) {
        byW.set(j * in + i, sum[i]);
      }
    }
  }

  static void normalize(HostFloats x, int rows, int dim, HostFloats out, HostFloats norms) {
    for (int row = 0; row < rows; row++) {
      double squares = 0;
      for (int i = 0; i < dim; i++) {
        squares += (double) x.get(row * dim + i) * x.get(row * dim + i);
      }
      double norm = Math.max(1e-12f, Math.sqrt(squares));
      norms.set(row, norm);
      for (int i = 0; i < dim; i++) {
        out.set(row * dim + i, x.get(row * dim + i) / norm);
      }
    }
  }

  static void normalizeGradient(
      HostFloats y, HostFloats norms, int rows, int dim, HostFloats gradient) {
    for (int row = 0; row < rows; row++) {
      double along = 0;
      for (int i = 0; i < dim; i++) {
        along += (double) y.get(row * dim + i) * gradient.get(row * dim + i);
      }
      double inverse = norms.get(row) <= 1e-12f ? 0 : 1.0 / norms.get(row);
      for (int i = 0; i < dim; i++) {
        int place = row * dim + i;
        gradient.set(place, (gradient.get(place) - y.get(place) * along) * inverse);
      }
    }
  }

  static void denseUpdate(
      HostFloats w,
      HostFloats gradient,
      @Nullable HostFloats mean,
      @Nullable HostFloats square,
      int n,
      float rate,
      float l2,
      float factor) {
    double[] g = new double[n];
    for (int i = 0; i < n; i++) {
      g[i] = gradient.get(i) + (double) l2 * w.get(i);
    }
    if (mean != null && square != null) {
      adam(w, mean, square, 0, g, (double) rate * factor);
      return;
    }
    for (int i = 0; i < n; i++) {
      w.set(i, w.get(i) - (double) factor * rate * g[i]);
    }
  }

  static Softmax.Result softmax(Softmax s) {
    HostFloats u = HostFloats.of(s.u());
    HostFloats v = HostFloats.of(s.v());
    HostFloats byU = HostFloats.of(s.byU());
    int[] offsets = HostInts.of(s.offsets());
    int[] columns = HostInts.of(s.columns());
    int[] counted = HostInts.of(s.counted());
    int[] excludedOffsets = HostInts.of(s.excludedOffsets());
    int[] excluded = HostInts.of(s.excluded());
    HostFloats shares = HostFloats.of(s.shares());
    HostFloats asNegative = HostFloats.of(s.asNegative());
    HostFloats asPositive = HostFloats.of(s.asPositive());
    HostFloats weights = HostFloats.of(s.weights());
    int dim = s.dim();
    double[] byV = new double[s.candidates() * dim];
    double[] byRow = new double[dim];
    double[] logits = new double[s.candidates()];
    double[] gradient = new double[s.candidates()];
    double loss = 0;
    double along = 0;
    for (int row = 0; row < s.rows(); row++) {
      double weight = weights.get(row);
      Arrays.fill(byRow, 0);
      Arrays.fill(gradient, 0);
      if (weight != 0 && offsets[row] < offsets[row + 1]) {
        for (int j = 0; j < s.candidates(); j++) {
          logits[j] = dot(u, row, v, j, dim) * s.scale() + asNegative.get(j) / Softmax.LOG2_E;
        }
        for (int e = excludedOffsets[row]; e < excludedOffsets[row + 1]; e++) {
          logits[excluded[e]] = Double.NEGATIVE_INFINITY;
        }
        double target = 0;
        for (int p = offsets[row]; p < offsets[row + 1]; p++) {
          int own = columns[p];
          double logit =
              dot(u, row, v, own, dim) * s.scale() + asPositive.get(own) / Softmax.LOG2_E;
          target += shares.get(p) * logit;
          gradient[own] -= shares.get(p);
          if (counted[p] != 0) {
            logits[own] = logit;
          }
        }
        double top = Arrays.stream(logits).max().orElseThrow();
        double total = Arrays.stream(logits).map(logit -> Math.exp(logit - top)).sum();
        double logSum = top + Math.log(total);
        loss += weight * (logSum - target);
        for (int j = 0; j < s.candidates(); j++) {
          double g = weight * s.scale() * (gradient[j] + Math.exp(logits[j] - logSum));
          for (int i = 0; i < dim && g != 0; i++) {
            byRow[i] += g * v.get(j * dim + i);
            byV[j * dim + i] += g * u.get(row * dim + i);
          }
        }
      }
      for (int i = 0; i < dim; i++) {
        byU.set(row * dim + i, byRow[i]);
        along += byRow[i] * u.get(row * dim + i);
      }
    }
    HostFloats target = HostFloats.of(s.byV());
    for (int i = 0; i < byV.length; i++) {
      target.set(i, byV[i]);
    }
    return new Softmax.Result(loss, along);
  }

  private static double dot(HostFloats u, int row, HostFloats v, int column, int dim) {
    double sum = 0;
    for (int i = 0; i < dim; i++) {
      sum += (double) u.get(row * dim + i) * v.get(column * dim + i);
    }
    return sum;
  }
}
