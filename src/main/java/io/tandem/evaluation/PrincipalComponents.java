package io.tandem.evaluation;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * The two directions along which vectors differ most (Pearson, 1901), as a map of them.
 *
 * @param x [n] first coordinates, of mean 0 over the vectors that were looked at
 * @param y [n] second coordinates
 * @param xShare share of the variance that the first direction explains
 * @param yShare share that the second explains
 */
public record PrincipalComponents(double[] x, double[] y, double xShare, double yShare) {
  /** Vectors that the directions are found from; more would hardly move them. */
  private static final int MOST = 50_000;

  private static final int ITERATIONS = 1000;
  private static final double CONVERGED = 1e-12;

  /**
   * Finds them by power iteration on the covariance matrix, always with the same result: the
   * largest part of each direction is positive.
   *
   * @param vectors [n × dim] row-major, finite
   * @param dim at least 1; with 1, all second coordinates are 0
   */
  public static PrincipalComponents of(float[] vectors, int dim) {
    if (dim < 1 || vectors.length % dim != 0) {
      throw new IllegalArgumentException(
          "%d numbers are not rows of %d".formatted(vectors.length, dim));
    }
    int n = vectors.length / dim;
    double[] mean = new double[dim];
    double[][] covariance = covariance(vectors, dim, mean);
    double total = 0;
    for (int d = 0; d < dim; d++) {
      total += covariance[d][d];
    }
    double[] first = new double[dim];
    double[] second = new double[dim];
    double xVariance = strongest(covariance, first);
    deflate(covariance, first, xVariance);
    double yVariance = strongest(covariance, second);
    double[] x = new double[n];
    double[] y = new double[n];
    for (int row = 0; row < n; row++) {
      for (int d = 0; d < dim; d++) {
        double value = vectors[row * dim + d] - mean[d];
        x[row] += value * first[d];
        y[row] += value * second[d];
      }
    }
    return new PrincipalComponents(
        x, y, total == 0 ? 0 : xVariance / total, total == 0 ? 0 : yVariance / total);
  }

  /**
   * Of evenly spread rows.
   *
   * @param mean receives their mean
   */
  private static double[][] covariance(float[] vectors, int dim, double[] mean) {
    int n = vectors.length / dim;
    int step = Math.max(1, n / MOST);
    int rows = 0;
    for (int row = 0; row < n; row += step) {
      rows++;
      for (int d = 0; d < dim; d++) {
        mean[d] += vectors[row * dim + d];
      }
    }
    for (int d = 0; d < dim; d++) {
      mean[d] /= Math.max(1, rows);
    }
    double[][] covariance = new double[dim][dim];
    double[] centred = new double[dim];
    for (int row = 0; row < n; row += step) {
      for (int d = 0; d < dim; d++) {
        centred[d] = vectors[row * dim + d] - mean[d];
      }
      for (int a = 0; a < dim; a++) {
        for (int b = 0; b <= a; b++) {
          covariance[a][b] += centred[a] * centred[b] / rows;
        }
      }
    }
    for (int a = 0; a < dim; a++) {
      for (int b = 0; b < a; b++) {
        covariance[b][a] = covariance[a][b];
      }
    }
    return covariance;
  }

  /**
   * The eigenvector of the largest eigenvalue.
   *
   * @param direction receives it, of length 1; zeros where the matrix is zero
   * @return the eigenvalue
   */
  private static double strongest(double[][] matrix, double[] direction) {
    int dim = direction.length;
    // A direction of no meaning: one of the axes could be a wrong answer that never moves.
    double[] current = new SplittableRandom(dim).doubles(dim, -1, 1).toArray();
    scale(current, 1 / length(current));
    double eigenvalue = 0;
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
      double[] next = new double[dim];
      for (int a = 0; a < dim; a++) {
        for (int b = 0; b < dim; b++) {
          next[a] += matrix[a][b] * current[b];
        }
      }
      eigenvalue = length(next);
      if (eigenvalue == 0) {
        return 0;
      }
      scale(next, 1 / eigenvalue);
      double change = 0;
      for (int d = 0; d < dim; d++) {
        change = Math.max(change, Math.abs(next[d] - current[d]));
      }
      current = next;
      if (change < CONVERGED) {
        break;
      }
    }
    double largest = Arrays.stream(current).reduce(0, (a, b) -> Math.abs(b) > Math.abs(a) ? b : a);
    scale(current, largest < 0 ? -1 : 1);
    System.arraycopy(current, 0, direction, 0, dim);
    return eigenvalue;
  }

  /** Takes a direction out of a covariance matrix. */
  private static void deflate(double[][] matrix, double[] direction, double eigenvalue) {
    for (int a = 0; a < direction.length; a++) {
      for (int b = 0; b < direction.length; b++) {
        matrix[a][b] -= eigenvalue * direction[a] * direction[b];
      }
    }
    // What rounding leaves of a matrix of rank 1 is no direction.
    for (double[] row : matrix) {
      for (int b = 0; b < row.length; b++) {
        row[b] = Math.abs(row[b]) < 1e-12 * eigenvalue ? 0 : row[b];
      }
    }
  }

  private static double length(double[] vector) {
    return Math.sqrt(Arrays.stream(vector).map(value -> value * value).sum());
  }

  private static void scale(double[] vector, double by) {
    for (int d = 0; d < vector.length; d++) {
      vector[d] *= by;
    }
  }
}
