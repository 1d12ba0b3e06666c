package io.tandem.tower;

import io.tandem.config.TrainingConfig.Optimizer;
import io.tandem.feature.InputSchema.TableShape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Moves single rows of an embedding table. */
sealed interface SparseOptimizer permits SparseOptimizer.RowwiseAdagrad, SparseOptimizer.Adam {

  /** A step begins. */
  void begin();

  /** Moves a row of {@code parameters} at {@code offset} by its gradient at {@code at}. */
  void update(int row, float[] parameters, int offset, float[] gradients, int at, float rateFactor);

  /** What it keeps of each row, in pages like the table's; not a copy. */
  float[][][] state();

  /** Continues as after so many steps. */
  void setSteps(long steps);

  void write(FileChannel channel) throws IOException;

  void read(FileChannel channel) throws IOException;

  static SparseOptimizer of(Optimizer optimizer, TableShape shape) {
    return switch (optimizer.sparse()) {
      case ROWWISE_ADAGRAD -> new RowwiseAdagrad(shape, (float) optimizer.sparseRate());
      case ADAM -> new Adam(shape, (float) optimizer.sparseRate());
    };
  }

  /** Adagrad (Duchi et al. 2011) with one accumulator a row: the mean square of its gradients. */
  final class RowwiseAdagrad implements SparseOptimizer {
    private static final float EPSILON = 1e-8f;
    private final int dim;
    private final float rate;
    private final float[][] squares;

    RowwiseAdagrad(TableShape shape, float rate) {
      dim = shape.dim();
      this.rate = rate;
      squares = EmbeddingTable.allocate(shape.rows(), 1);
    }

    @Override
    public void begin() {}

    @Override
    public void update(
        int row, float[] parameters, int offset, float[] gradients, int at, float rateFactor) {
      float sum = 0;
      for (int i = 0; i < dim; i++) {
        sum += gradients[at + i] * gradients[at + i];
      }
      int shift = EmbeddingTable.pageShift(1);
      float[] page = squares[row >>> shift];
      int place = row & (1 << shift) - 1;
      page[place] += sum / dim;
      float step = rateFactor * rate / ((float) Math.sqrt(page[place]) + EPSILON);
      for (int i = 0; i < dim; i++) {
        parameters[offset + i] -= step * gradients[at + i];
      }
    }

    @Override
    public float[][][] state() {
      return new float[][][] {squares};
    }

    @Override
    public void setSteps(long steps) {}

    @Override
    public void write(FileChannel channel) throws IOException {
      EmbeddingTable.write(squares, channel);
    }

    @Override
    public void read(FileChannel channel) throws IOException {
      EmbeddingTable.read(squares, channel);
    }
  }

  /** Adam (Kingma and Ba 2015) whose moments move only when their row is touched. */
  final class Adam implements SparseOptimizer {
    private static final float BETA1 = 0.9f;
    private static final float BETA2 = 0.999f;
    private static final float EPSILON = 1e-8f;
    private final int dim;
    private final float rate;
    private final float[][] means;
    private final float[][] squares;
    private long steps;
    private float correction;

    Adam(TableShape shape, float rate) {
      dim = shape.dim();
      this.rate = rate;
      means = EmbeddingTable.allocate(shape.rows(), dim);
      squares = EmbeddingTable.allocate(shape.rows(), dim);
    }

    @Override
    public void begin() {
      steps++;
      correction =
          (float)
              (Math.sqrt(1 - Math.pow(BETA2, (double) steps))
                  / (1 - Math.pow(BETA1, (double) steps)));
    }

    @Override
    public void update(
        int row, float[] parameters, int offset, float[] gradients, int at, float rateFactor) {
      int page = row >>> EmbeddingTable.pageShift(dim);
      float[] mean = means[page];
      float[] square = squares[page];
      float step = rateFactor * rate * correction;
      for (int i = 0; i < dim; i++) {
        float g = gradients[at + i];
        float m = BETA1 * mean[offset + i] + (1 - BETA1) * g;
        float v = BETA2 * square[offset + i] + (1 - BETA2) * g * g;
        mean[offset + i] = m;
        square[offset + i] = v;
        parameters[offset + i] -= step * m / ((float) Math.sqrt(v) + EPSILON);
      }
    }

    @Override
    public float[][][] state() {
      return new float[][][] {means, squares};
    }

    @Override
    public void setSteps(long newSteps) {
      steps = newSteps;
    }

    @Override
    public void write(FileChannel channel) throws IOException {
      ByteBuffer count = ByteBuffer.allocate(8).putLong(0, steps);
      while (count.hasRemaining()) {
        channel.write(count);
      }
      EmbeddingTable.write(means, channel);
      EmbeddingTable.write(squares, channel);
    }

    @Override
    public void read(FileChannel channel) throws IOException {
      ByteBuffer count = ByteBuffer.allocate(8);
      while (count.hasRemaining()) {
        if (channel.read(count) < 0) {
          throw new IOException("the optimizer's state is cut short");
        }
      }
      steps = count.getLong(0);
      EmbeddingTable.read(means, channel);
      EmbeddingTable.read(squares, channel);
    }
  }
}
