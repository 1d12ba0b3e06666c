package io.tandem.baseline;

import io.tandem.baseline.ImplicitAls.Settings;
import io.tandem.baseline.ImplicitAls.State;
import io.tandem.data.Interactions;
import java.util.Arrays;
import java.util.Random;

/** iALS as its formulas are written: every pair visited, every number a double. The oracle. */
final class DenseAls {
  private final Settings settings;
  private final double[][] weights;

  DenseAls(Interactions train, int items, Settings settings) {
    this.settings = settings;
    weights = new double[train.queries()][items];
    for (int query = 0; query < train.queries(); query++) {
      for (int at = train.start(query); at < train.end(query); at++) {
        weights[query][train.item(at)] += train.weight(at);
      }
    }
  }

  /** Each query about as often with any item, some pairs twice; every fifth query without any. */
  static Interactions random(int queries, int items, int each, long seed, float... weights) {
    Random random = new Random(seed);
    int[] offsets = new int[queries + 1];
    int[] drawn = new int[queries * each];
    float[] given = new float[weights.length == 0 ? 0 : drawn.length];
    int size = 0;
    for (int query = 0; query < queries; query++) {
      int count = query % 5 == 4 ? 0 : random.nextInt(each) + 1;
      for (int i = 0; i < count; i++) {
        if (given.length > 0) {
          given[size] = weights[random.nextInt(weights.length)];
        }
        drawn[size++] = random.nextInt(items);
      }
      offsets[query + 1] = size;
    }
    return new Interactions(
        offsets,
        Arrays.copyOf(drawn, size),
        new long[0],
        Arrays.copyOf(given, Math.min(size, given.length)));
  }

  double objective(State state) {
    double sum = 0;
    for (int query = 0; query < weights.length; query++) {
      for (int item = 0; item < weights[0].length; item++) {
        double score = dot(state.queries(), query, state.items(), item);
        sum += weights[query][item] * (1 - score) * (1 - score);
        sum += settings.unobservedWeight() * score * score;
      }
    }
    for (int query = 0; query < weights.length; query++) {
      sum += queryPenalty(query) * dot(state.queries(), query, state.queries(), query);
    }
    for (int item = 0; item < weights[0].length; item++) {
      sum += itemPenalty(item) * dot(state.items(), item, state.items(), item);
    }
    return sum;
  }

  private double queryPenalty(int query) {
    int pairs = 0;
    for (double weight : weights[query]) {
      pairs += weight > 0 ? 1 : 0;
    }
    return penalty(pairs, weights[0].length);
  }

  private double itemPenalty(int item) {
    int pairs = 0;
    for (double[] row : weights) {
      pairs += row[item] > 0 ? 1 : 0;
    }
    return penalty(pairs, weights.length);
  }

  private double penalty(int pairs, int others) {
    return settings.regularization()
        * Math.pow(pairs + settings.unobservedWeight() * others, settings.regularizationExponent());
  }

  /** [dim] half the gradient of the objective by U_query. */
  double[] queryGradient(State state, int query) {
    double[] gradient = new double[settings.dim()];
    double penalty = queryPenalty(query);
    for (int item = 0; item < weights[0].length; item++) {
      double score = dot(state.queries(), query, state.items(), item);
      double factor = weights[query][item] * (score - 1) + settings.unobservedWeight() * score;
      for (int j = 0; j < gradient.length; j++) {
        gradient[j] += factor * state.items()[item * gradient.length + j];
      }
    }
    for (int j = 0; j < gradient.length; j++) {
      gradient[j] += penalty * state.queries()[query * gradient.length + j];
    }
    return gradient;
  }

  /** [dim] half the gradient of the objective by V_item. */
  double[] itemGradient(State state, int item) {
    double[] gradient = new double[settings.dim()];
    double penalty = itemPenalty(item);
    for (int query = 0; query < weights.length; query++) {
      double score = dot(state.queries(), query, state.items(), item);
      double factor = weights[query][item] * (score - 1) + settings.unobservedWeight() * score;
      for (int j = 0; j < gradient.length; j++) {
        gradient[j] += factor * state.queries()[query * gradient.length + j];
      }
    }
    for (int j = 0; j < gradient.length; j++) {
      gradient[j] += penalty * state.items()[item * gradient.length + j];
    }
    return gradient;
  }

  /** [queries][dim] the best U for a state's V. */
  double[][] bestQueries(State state) {
    double[][] best = new double[weights.length][];
    for (int query = 0; query < best.length; query++) {
      best[query] = best(weights[query], state.items(), queryPenalty(query));
    }
    return best;
  }

  /** [items][dim] the best V for a state's U. */
  double[][] bestItems(State state) {
    double[][] best = new double[weights[0].length][];
    for (int item = 0; item < best.length; item++) {
      double[] column = new double[weights.length];
      for (int query = 0; query < column.length; query++) {
        column[query] = weights[query][item];
      }
      best[item] = best(column, state.queries(), itemPenalty(item));
    }
    return best;
  }

  private double[] best(double[] row, float[] vectors, double penalty) {
    int d = settings.dim();
    double[][] a = new double[d][d + 1];
    for (int other = 0; other < row.length; other++) {
      for (int i = 0; i < d; i++) {
        double x = vectors[other * d + i];
        for (int j = 0; j < d; j++) {
          a[i][j] += (row[other] + settings.unobservedWeight()) * x * vectors[other * d + j];
        }
        a[i][d] += row[other] * x;
      }
    }
    for (int i = 0; i < d; i++) {
      a[i][i] += penalty;
    }
    return gauss(a);
  }

  /** Solves [A | b] by elimination with pivots; a row of zeros gives zero. */
  private static double[] gauss(double[][] a) {
    int d = a.length;
    for (int k = 0; k < d; k++) {
      int pivot = k;
      for (int i = k; i < d; i++) {
        pivot = Math.abs(a[i][k]) > Math.abs(a[pivot][k]) ? i : pivot;
      }
      double[] swapped = a[k];
      a[k] = a[pivot];
      a[pivot] = swapped;
      for (int i = 0; i < d; i++) {
        double factor = i == k || a[k][k] == 0 ? 0 : a[i][k] / a[k][k];
        for (int j = k; j <= d && factor != 0; j++) {
          a[i][j] -= factor * a[k][j];
        }
      }
    }
    double[] x = new double[d];
    for (int i = 0; i < d; i++) {
      x[i] = a[i][i] == 0 ? 0 : a[i][d] / a[i][i];
    }
    return x;
  }

  private double dot(float[] a, int rowA, float[] b, int rowB) {
    int d = settings.dim();
    double sum = 0;
    for (int j = 0; j < d; j++) {
      sum += (double) a[rowA * d + j] * b[rowB * d + j];
    }
    return sum;
  }
}
