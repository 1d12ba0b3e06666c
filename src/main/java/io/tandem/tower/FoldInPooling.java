package io.tandem.tower;

import io.tandem.baseline.FoldIn;
import io.tandem.baseline.ImplicitAls;
import io.tandem.data.DataException;
import io.tandem.feature.InputSchema.TableShape;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The query vector of matrix factorization: least squares over the vectors of the history's items.
 *
 * <p>File, big-endian: magic, dim (int), items in training (int), then α₀, λ and ν (doubles).
 */
final class FoldInPooling implements SequencePooling {
  private static final long MAGIC = 0x54_4e_44_4d_46_4f_4c_44L; // TNDMFOLD
  private static final int SIZE = 8 + 2 * 4 + 3 * 8;

  private final FoldIn foldIn;

  private FoldInPooling(FoldIn foldIn) {
    this.foldIn = foldIn;
  }

  static void write(Path file, ImplicitAls.Settings settings, int catalogue) throws IOException {
    try (DataOutputStream out = new DataOutputStream(Files.newOutputStream(file))) {
      out.writeLong(MAGIC);
      out.writeInt(settings.dim());
      out.writeInt(catalogue);
      out.writeDouble(settings.unobservedWeight());
      out.writeDouble(settings.regularization());
      out.writeDouble(settings.regularizationExponent());
    }
  }

  static FoldInPooling open(Path file, MappedTable table, TableShape shape) {
    try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
      if (Files.size(file) != SIZE || in.readLong() != MAGIC) {
        throw new DataException(file + ": not the settings of a fold-in");
      }
      int dim = in.readInt();
      int catalogue = in.readInt();
      if (dim != shape.dim() || catalogue < 1) {
        throw new DataException(
            "%s: vectors of %d for %d items, expected %d for at least 1"
                .formatted(file, dim, catalogue, shape.dim()));
      }
      ImplicitAls.Settings settings =
          new ImplicitAls.Settings(
              dim, 0, in.readDouble(), in.readDouble(), in.readDouble(), 1, 0, 1);
      float[] vectors = new float[Math.multiplyExact(shape.rows(), dim)];
      float[] row = new float[dim];
      for (int i = 0; i < shape.rows(); i++) {
        table.row(i, row);
        System.arraycopy(row, 0, vectors, i * dim, dim);
      }
      return new FoldInPooling(FoldIn.of(vectors, shape.rows(), catalogue, settings));
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new DataException(file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw DataException.unreadable(file, e);
    }
  }

  private static final class Buffers implements Scratch {
    private final FoldIn.Scratch foldIn;
    private final float[] vector;
    private int[] items = new int[64];

    Buffers(FoldIn foldIn) {
      this.foldIn = foldIn.scratch();
      vector = new float[foldIn.dim()];
    }
  }

  @Override
  public Scratch scratch() {
    return new Buffers(foldIn);
  }

  @Override
  public void add(int[] ids, int start, int end, Scratch scratch, float[] target, int at) {
    if (!(scratch instanceof Buffers buffers)) {
      throw new IllegalArgumentException("the scratch is another pooling's");
    }
    int count = end - start;
    if (buffers.items.length < count) {
      buffers.items = Arrays.copyOf(buffers.items, Math.max(count, 2 * buffers.items.length));
    }
    System.arraycopy(ids, start, buffers.items, 0, count);
    foldIn.solve(buffers.items, null, count, buffers.foldIn, buffers.vector);
    for (int j = 0; j < buffers.vector.length; j++) {
      target[at + j] += buffers.vector[j];
    }
  }
}
