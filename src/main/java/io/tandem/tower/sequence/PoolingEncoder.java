package io.tandem.tower.sequence;

import java.util.Arrays;

/** Attention pooling for serving. */
final class PoolingEncoder implements ExportedSequence.Encoder {
  private final int dim;
  private final int maxLength;
  private final float[] query;

  PoolingEncoder(SequenceShape shape, WeightReader weights) {
    dim = shape.dim();
    maxLength = shape.maxLength();
    query = weights.vector(dim);
  }

  @Override
  public ExportedSequence.Session session() {
    return new Buffers();
  }

  private final class Buffers implements ExportedSequence.Session {
    private final float[] scores = new float[maxLength];

    @Override
    public void last(float[] rows, int n, float[] target, int at) {
      float max = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < n; i++) {
        float score = 0;
        for (int c = 0; c < dim; c++) {
          score += query[c] * rows[i * dim + c];
        }
        scores[i] = score;
        max = Math.max(max, score);
      }
      double total = 0;
      for (int i = 0; i < n; i++) {
        scores[i] = (float) Math.exp(scores[i] - max);
        total += scores[i];
      }
      Arrays.fill(target, at, at + dim, 0);
      for (int i = 0; i < n; i++) {
        float weight = (float) (scores[i] / total);
        for (int c = 0; c < dim; c++) {
          target[at + c] += weight * rows[i * dim + c];
        }
      }
    }
  }
}
