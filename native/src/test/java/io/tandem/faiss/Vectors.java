package io.tandem.faiss;

import java.util.Random;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.FloatPointer;

/**
 * Clustered unit vectors, [count, dimension] row-major, and exact search over them as the oracle.
 */
record Vectors(int count, int dimension, float[] values) {

  static Vectors clustered(int count, int dimension, int clusters, long seed) {
    Random random = new Random(seed);
    float[][] centres = new float[clusters][dimension];
    for (float[] centre : centres) {
      for (int j = 0; j < dimension; j++) {
        centre[j] = (float) random.nextGaussian();
      }
    }
    float[] values = new float[count * dimension];
    for (int i = 0; i < count; i++) {
      float[] centre = centres[random.nextInt(clusters)];
      double norm = 0;
      for (int j = 0; j < dimension; j++) {
        float value = centre[j] + 0.5f * (float) random.nextGaussian();
        values[i * dimension + j] = value;
        norm += value * value;
      }
      for (int j = 0; j < dimension; j++) {
        values[i * dimension + j] /= (float) Math.sqrt(norm);
      }
    }
    return new Vectors(count, dimension, values);
  }

  FloatPointer pointer() {
    return new FloatPointer(values);
  }

  /** The rows with the greatest dot product with row {@code query}, best first. */
  long[] nearest(int query, int k) {
    double[] scores = new double[count];
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < dimension; j++) {
        scores[i] += (double) values[query * dimension + j] * values[i * dimension + j];
      }
    }
    return IntStream.range(0, count)
        .boxed()
        .sorted((a, b) -> Double.compare(scores[b], scores[a]))
        .limit(k)
        .mapToLong(Integer::longValue)
        .toArray();
  }
}
