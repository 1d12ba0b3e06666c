package io.tandem.gpu;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A device that is the host's own memory and plain Java: what the kernels of others are compared
 * with, and what the whole training step on a device is tested on. Slow.
 */
public final class ReferenceDevice implements Device {
  private Softmax.Result result = new Softmax.Result(0, 0);

  @Override
  public String name() {
    return "reference";
  }

  @Override
  public Floats floats(long length) {
    int size = Math.toIntExact(length);
    return new HostFloats(new float[size], 0, size);
  }

  @Override
  public long tableBytes() {
    return Long.MAX_VALUE;
  }

  @Override
  public void free(Floats memory) {}

  @Override
  public void write(float[] source, int from, int length, Floats target) {
    Check.length("target", target, length);
    HostFloats host = HostFloats.of(target);
    System.arraycopy(source, from, host.array(), host.from(), length);
  }

  @Override
  public void read(Floats source, float[] target, int at, int length) {
    Check.length("source", source, length);
    HostFloats host = HostFloats.of(source);
    System.arraycopy(host.array(), host.from(), target, at, length);
  }

  @Override
  public void copy(Floats source, Floats target, long length) {
    Check.length("source", source, length);
    Check.length("target", target, length);
    HostFloats from = HostFloats.of(source);
    HostFloats to = HostFloats.of(target);
    System.arraycopy(from.array(), from.from(), to.array(), to.from(), (int) length);
  }

  @Override
  public Upload upload() {
    return new Upload() {
      @Override
      public void begin() {}

      @Override
      public Ints put(int[] values, int from, int length) {
        return new HostInts(Arrays.copyOfRange(values, from, from + length));
      }

      @Override
      public Floats put(float[] values, int from, int length) {
        return new HostFloats(Arrays.copyOfRange(values, from, from + length), 0, length);
      }

      @Override
      public void send() {}

      @Override
      public void await() {}

      @Override
      public void close() {}
    };
  }

  @Override
  public RowCopies rowCopies() {
    return new RowCopies() {
      @Override
      public void read(Floats matrix, int width, int[] rows, int count, float[] target) {
        HostFloats from = HostFloats.of(matrix);
        for (int i = 0; i < count; i++) {
          System.arraycopy(from.array(), from.from() + rows[i] * width, target, i * width, width);
        }
      }

      @Override
      public void write(float[] source, int count, Floats matrix, int width, int[] rows) {
        HostFloats to = HostFloats.of(matrix);
        for (int i = 0; i < count; i++) {
          System.arraycopy(source, i * width, to.array(), to.from() + rows[i] * width, width);
        }
      }

      @Override
      public void await() {}

      @Override
      public void close() {}
    };
  }

  @Override
  public void synchronize() {}

  @Override
  public void gatherPool(Gather gather) {
    Reference.gatherPool(gather);
  }

  @Override
  public void placeColumns(Floats source, int count, int rows, Floats out, int width, int column) {
    Shapes.placeColumns(source, count, rows, out, width, column);
    HostFloats from = HostFloats.of(source);
    HostFloats to = HostFloats.of(out);
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < count; i++) {
        to.set(row * width + column + i, from.get(row * count + i));
      }
    }
  }

  @Override
  public void updateRows(RowUpdate update) {
    Reference.updateRows(update, HostInts.of(update.ids()), HostInts.of(update.sources()));
  }

  @Override
  public void layer(
      Floats x,
      Floats w,
      Floats bias,
      int rows,
      int in,
      int width,
      Activation activation,
      @Nullable Floats before,
      Floats out) {
    Shapes.layer(x, w, bias, rows, in, width, before, out);
    Reference.layer(
        HostFloats.of(x),
        HostFloats.of(w),
        HostFloats.of(bias),
        rows,
        in,
        width,
        activation,
        orNull(before),
        HostFloats.of(out));
  }

  @Override
  public void inputGradient(Floats g, Floats w, int rows, int in, int width, Floats byX) {
    Shapes.inputGradient(g, w, rows, in, width, byX);
    Reference.inputGradient(
        HostFloats.of(g), HostFloats.of(w), rows, in, width, HostFloats.of(byX));
  }

  @Override
  public void weightGradient(
      Floats g, Floats x, int rows, int in, int width, Floats byW, Floats byBias) {
    Shapes.weightGradient(g, x, rows, in, width, byW, byBias);
    Reference.weightGradient(
        HostFloats.of(g),
        HostFloats.of(x),
        rows,
        in,
        width,
        HostFloats.of(byW),
        HostFloats.of(byBias));
  }

  @Override
  public void activationGradient(
      Floats gradient, Floats output, @Nullable Floats before, long n, Activation activation) {
    Shapes.activationGradient(gradient, output, before, n, activation);
    HostFloats g = HostFloats.of(gradient);
    HostFloats y = HostFloats.of(output);
    HostFloats x = orNull(before);
    for (int i = 0; i < n; i++) {
      g.set(i, g.get(i) * activation.slope(x == null ? 0 : x.get(i), y.get(i)));
    }
  }

  @Override
  public void normalize(Floats x, int rows, int dim, Floats out, Floats norms) {
    Shapes.normalize(x, rows, dim, out, norms);
    Reference.normalize(HostFloats.of(x), rows, dim, HostFloats.of(out), HostFloats.of(norms));
  }

  @Override
  public void normalizeGradient(Floats y, Floats norms, int rows, int dim, Floats gradient) {
    Shapes.normalize(y, rows, dim, gradient, norms);
    Reference.normalizeGradient(
        HostFloats.of(y), HostFloats.of(norms), rows, dim, HostFloats.of(gradient));
  }

  @Override
  public void denseUpdate(
      Floats w,
      Floats gradient,
      @Nullable Floats mean,
      @Nullable Floats square,
      long n,
      float rate,
      float l2,
      float factor) {
    Shapes.denseUpdate(w, gradient, mean, square, n);
    Reference.denseUpdate(
        HostFloats.of(w),
        HostFloats.of(gradient),
        orNull(mean),
        orNull(square),
        Math.toIntExact(n),
        rate,
        l2,
        factor);
  }

  @Override
  public void softmax(Softmax softmax) {
    result = Reference.softmax(softmax);
  }

  @Override
  public Softmax.Result softmaxResult() {
    return result;
  }

  @Override
  public void close() {}

  private static @Nullable HostFloats orNull(@Nullable Floats floats) {
    return floats == null ? null : HostFloats.of(floats);
  }
}
