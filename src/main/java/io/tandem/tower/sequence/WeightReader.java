package io.tandem.tower.sequence;

/** Hands out weights in the order of storage. */
final class WeightReader {
  private final float[] weights;
  private int at;

  WeightReader(float[] weights) {
    this.weights = weights;
  }

  /** [row][column] of a matrix stored column by column. */
  float[][] matrix(int rows, int columns) {
    float[][] matrix = new float[rows][columns];
    for (int column = 0; column < columns; column++) {
      for (int row = 0; row < rows; row++) {
        matrix[row][column] = weights[at++];
      }
    }
    return matrix;
  }

  /** An affine map: [in + 1][out], the bias last. */
  float[][] affine(int in, int out) {
    return matrix(in + 1, out);
  }

  float[] vector(int length) {
    float[] vector = new float[length];
    System.arraycopy(weights, at, vector, 0, length);
    at += length;
    return vector;
  }
}
