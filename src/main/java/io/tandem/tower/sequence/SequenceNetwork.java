package io.tandem.tower.sequence;

import io.tandem.config.TrainingConfig.Optimizer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

public final class SequenceNetwork {
  public enum Mode {
    TRAINING,
    INFERENCE
  }

  private INDArray x = Nd4j.empty();
  private final int dim;

  private SequenceNetwork(int dim) {
    this.dim = dim;
  }

  public static SequenceNetwork create(SequenceShape shape, Optimizer optimizer, long seed) {
    return new SequenceNetwork(shape.dim());
  }

  public INDArray input(int positions) {
    x = Nd4j.zeros(positions, dim);
    return x;
  }

  public INDArray forward(int[] ends, int segments, Mode mode) {
    return x;
  }

  public INDArray backward(INDArray g) {
    return g.dup('c');
  }

  public void step(float f) {}

  public void write(Path p) {}

  public void read(Path p) {}

  public void export(Path p) {}

  public @Nullable String firstNonFinite() {
    return null;
  }
}
