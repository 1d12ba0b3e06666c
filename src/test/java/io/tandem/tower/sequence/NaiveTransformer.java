package io.tandem.tower.sequence;

/** The transformer as its formulas say, in double precision, one sequence at a time. */
final class NaiveTransformer {
  private final SequenceNetwork network;
  private final int dim;

  NaiveTransformer(SequenceNetwork network) {
    this.network = network;
    dim = network.shape().dim();
  }

  /** [n][dim] outputs of a sequence's rows from..to of packed input. */
  double[][] forward(float[] packed, int from, int to) {
    double[][] x = new double[to - from][dim];
    for (int i = 0; i < x.length; i++) {
      for (int c = 0; c < dim; c++) {
        x[i][c] = Math.sqrt(dim) * packed[(from + i) * dim + c] + parameter("0_positions", i, c);
      }
    }
    for (int layer = 1; layer <= network.shape().layers(); layer++) {
      double[][] attended = attention(layer, norm(x, layer + "_gain1", layer + "_bias1"));
      x = sum(x, affine(attended, layer + "_out", dim));
      double[][] hidden =
          affine(norm(x, layer + "_gain2", layer + "_bias2"), layer + "_hidden", dim);
      for (double[] row : hidden) {
        for (int c = 0; c < row.length; c++) {
          row[c] = Math.max(0, row[c]);
        }
      }
      x = sum(x, affine(hidden, layer + "_final", dim));
    }
    int last = network.shape().layers() + 1;
    return norm(x, last + "_gain", last + "_bias");
  }

  private double[][] attention(int layer, double[][] x) {
    double[][] qkv = affine(x, layer + "_qkv", 3 * dim);
    int width = dim / network.shape().heads();
    double[][] result = new double[x.length][dim];
    for (int head = 0; head < network.shape().heads(); head++) {
      int q = head * width;
      for (int i = 0; i < x.length; i++) {
        double[] weights = new double[i + 1];
        double sum = 0;
        for (int j = 0; j <= i; j++) {
          double score = 0;
          for (int c = 0; c < width; c++) {
            score += qkv[i][q + c] * qkv[j][dim + q + c];
          }
          weights[j] = Math.exp(score / Math.sqrt(width));
          sum += weights[j];
        }
        for (int j = 0; j <= i; j++) {
          for (int c = 0; c < width; c++) {
            result[i][q + c] += weights[j] / sum * qkv[j][2 * dim + q + c];
          }
        }
      }
    }
    return result;
  }

  private double[][] affine(double[][] x, String name, int out) {
    double[][] result = new double[x.length][out];
    for (int i = 0; i < x.length; i++) {
      for (int o = 0; o < out; o++) {
        result[i][o] = parameter(name, x[i].length, o);
        for (int c = 0; c < x[i].length; c++) {
          result[i][o] += x[i][c] * parameter(name, c, o);
        }
      }
    }
    return result;
  }

  private double[][] norm(double[][] x, String gain, String bias) {
    double[][] result = new double[x.length][dim];
    for (int i = 0; i < x.length; i++) {
      double mean = 0;
      double variance = 0;
      for (double value : x[i]) {
        mean += value / dim;
      }
      for (double value : x[i]) {
        variance += (value - mean) * (value - mean) / dim;
      }
      for (int c = 0; c < dim; c++) {
        double unit = (x[i][c] - mean) / Math.sqrt(variance + 1e-5);
        result[i][c] = unit * parameter(gain, c, 0) + parameter(bias, c, 0);
      }
    }
    return result;
  }

  private static double[][] sum(double[][] a, double[][] b) {
    double[][] result = new double[a.length][a[0].length];
    for (int i = 0; i < a.length; i++) {
      for (int c = 0; c < a[i].length; c++) {
        result[i][c] = a[i][c] + b[i][c];
      }
    }
    return result;
  }

  private double parameter(String name, long row, long column) {
    return network.network().getParam(name).getDouble(row, column);
  }
}
