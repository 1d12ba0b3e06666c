package io.tandem.rebuild;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import io.tandem.index.VectorIndex;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * How the vectors of an index look, from at most {@value #SAMPLE} of them, evenly spread.
 *
 * @param zeros share that is 0
 * @param equal share that equals another of the sample
 * @param lengths their lengths at 101 quantiles, from the smallest to the largest
 * @param deviations standard deviation of each component, the largest first
 * @param dimensions effective number of dimensions: participation ratio (Σ λ)² / Σ λ² of the
 *     eigenvalues λ of the covariance; 0 where all vectors are the same
 */
public record VectorHealth(
    double zeros, double equal, double[] lengths, double[] deviations, double dimensions) {
  static final int SAMPLE = 10_000;

  /** Looks at an index. */
  static VectorHealth of(VectorIndex index) {
    int n = Math.min(SAMPLE, index.size());
    int dim = index.dimension();
    float[][] vectors = new float[n][dim];
    double[] lengths = new double[n];
    double[] means = new double[dim];
    Set<Long> distinct = new HashSet<>();
    int zeros = 0;
    for (int i = 0; i < n; i++) {
      float[] vector = vectors[i];
      index.vector((int) ((long) i * index.size() / n), vector);
      Hasher hasher = Hashing.murmur3_128().newHasher();
      double squares = 0;
      for (int c = 0; c < dim; c++) {
        squares += (double) vector[c] * vector[c];
        means[c] += vector[c];
        hasher.putFloat(vector[c] + 0f);
      }
      distinct.add(hasher.hash().asLong());
      lengths[i] = Math.sqrt(squares);
      zeros += squares == 0 ? 1 : 0;
    }
    Arrays.setAll(means, c -> means[c] / n);
    double[][] covariance = covariance(vectors, means);
    Arrays.sort(lengths);
    return new VectorHealth(
        (double) zeros / n,
        1 - (double) distinct.size() / n,
        quantiles(lengths),
        deviations(covariance),
        participation(covariance));
  }

  /**
   * How far the lengths of two lots of vectors are apart (Wasserstein 1), as a share of the mean
   * length of the earlier.
   */
  double lengthDrift(VectorHealth earlier) {
    double distance = 0;
    double mean = 0;
    for (int i = 0; i < lengths.length; i++) {
      distance += Math.abs(lengths[i] - earlier.lengths[i]) / lengths.length;
      mean += earlier.lengths[i] / lengths.length;
    }
    return mean == 0 ? (distance == 0 ? 0 : 1) : distance / mean;
  }

  private static double[][] covariance(float[][] vectors, double[] means) {
    int dim = means.length;
    double[][] covariance = new double[dim][dim];
    double[] centred = new double[dim];
    for (float[] vector : vectors) {
      Arrays.setAll(centred, c -> vector[c] - means[c]);
      for (int a = 0; a < dim; a++) {
        double factor = centred[a] / vectors.length;
        double[] row = covariance[a];
        for (int b = 0; b < dim; b++) {
          row[b] += factor * centred[b];
        }
      }
    }
    return covariance;
  }

  private static double participation(double[][] covariance) {
    double trace = 0;
    double squares = 0;
    for (int a = 0; a < covariance.length; a++) {
      trace += covariance[a][a];
      for (double value : covariance[a]) {
        squares += value * value;
      }
    }
    return squares == 0 ? 0 : trace * trace / squares;
  }

  private static double[] deviations(double[][] covariance) {
    double[] deviations = new double[covariance.length];
    Arrays.setAll(deviations, c -> -Math.sqrt(covariance[c][c]));
    Arrays.sort(deviations);
    Arrays.setAll(deviations, c -> -deviations[c]);
    return deviations;
  }

  private static double[] quantiles(double[] sorted) {
    double[] quantiles = new double[101];
    Arrays.setAll(quantiles, q -> sorted[(int) Math.round(q / 100.0 * (sorted.length - 1))]);
    return quantiles;
  }
}
