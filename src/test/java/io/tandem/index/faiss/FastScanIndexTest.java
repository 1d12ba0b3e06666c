package io.tandem.index.faiss;

import io.tandem.config.IndexConfig;
import io.tandem.index.VectorIndex;
import io.tandem.index.VectorIndexContract;

class FastScanIndexTest extends VectorIndexContract {

  @Override
  protected VectorIndex build(float[] vectors, int n) {
    IndexConfig config = new IndexConfig(IndexConfig.Type.FACTORY, "PQ16x4fs", 0.3, 10, 16, 40, 0);
    try (FaissBuilder builder = new FaissBuilder(DIMENSION, config)) {
      builder.add(vectors, n);
      return builder.build(new float[0], 0).index();
    }
  }

  @Override
  protected double recall() {
    return 0.3;
  }

  @Override
  protected boolean exactScores() {
    return false;
  }
}
