package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.index.VectorIndex;
import io.tandem.index.VectorIndexContract;

class TransformedIvfIndexTest extends VectorIndexContract {

  @Override
  protected VectorIndex build(float[] vectors, int n) {
    IndexConfig config =
        new IndexConfig(IndexConfig.Type.FACTORY, "RR16,IVF16,SQ8", 0.9, 10, 16, 40, 0);
    try (FaissBuilder builder = new FaissBuilder(DIMENSION, config)) {
      builder.add(vectors, n);
      return builder.build(new float[0], 0).index();
    }
  }

  @Override
  protected double recall() {
    return 0.9;
  }

  @Override
  protected boolean exactScores() {
    return false;
  }
}
