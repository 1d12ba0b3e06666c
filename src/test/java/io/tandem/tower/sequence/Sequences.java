package io.tandem.tower.sequence;

import io.tandem.config.TrainingConfig.Optimizer;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Small encoders and packed sequences for tests. */
final class Sequences {
  static final Optimizer ADAM =
      new Optimizer(Optimizer.Dense.ADAM, Optimizer.Sparse.ROWWISE_ADAGRAD, 0.01, 0.1);

  private Sequences() {}

  static SequenceShape shape(SequenceShape.Kind kind, double dropout) {
    return switch (kind) {
      case TRANSFORMER -> new SequenceShape(kind, 12, 2, 2, 11, dropout);
      case GRU -> new SequenceShape(kind, 6, 2, 1, 11, dropout);
      case ATTENTION -> new SequenceShape(kind, 6, 1, 1, 11, dropout);
    };
  }

  /** An encoder whose every parameter is away from its special first value. */
  static SequenceNetwork network(SequenceShape shape, long seed) {
    SequenceNetwork network = SequenceNetwork.create(shape, ADAM, seed);
    INDArray parameters = network.network().params();
    SplittableRandom random = new SplittableRandom(seed);
    for (long i = 0; i < parameters.length(); i++) {
      double value = parameters.getDouble(i) + 0.2 * random.nextGaussian();
      parameters.putScalar(i, value);
    }
    return network;
  }

  static float[] normal(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (0.5 * random.nextGaussian());
    }
    return values;
  }

  static int[] ends(int... lengths) {
    int[] ends = lengths.clone();
    Arrays.parallelPrefix(ends, Integer::sum);
    return ends;
  }

  /** [positions × dim] output for packed input. */
  static float[] forward(SequenceNetwork network, float[] input, int[] ends, Mode mode) {
    int positions = ends[ends.length - 1];
    network.input(positions).data().asNioFloat().put(0, input, 0, input.length);
    return values(network.forward(ends, ends.length, mode));
  }

  static float[] values(INDArray matrix) {
    float[] values = new float[(int) matrix.length()];
    matrix.data().asNioFloat().get(0, values);
    return values;
  }

  static INDArray matrix(float[] values, int columns) {
    INDArray matrix = Nd4j.create(DataType.FLOAT, values.length / columns, columns);
    matrix.data().asNioFloat().put(0, values);
    return matrix;
  }
}
