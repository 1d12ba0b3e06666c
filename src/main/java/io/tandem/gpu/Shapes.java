package io.tandem.gpu;

import org.jspecify.annotations.Nullable;

/** What kernels demand of their arguments' sizes. */
final class Shapes {
  private Shapes() {}

  static void placeColumns(Floats source, int count, int rows, Floats out, int width, int column) {
    positive(rows, count, width);
    columns(count, width, column);
    Check.length("source", source, (long) rows * count);
    Check.length("out", out, (long) rows * width);
  }

  private static void columns(int count, int width, int column) {
    Check.that(
        column >= 0 && column <= width - count,
        "expected %d columns from %d within a width of %d",
        count,
        column,
        width);
  }

  static void layer(
      Floats x,
      Floats w,
      Floats bias,
      int rows,
      int in,
      int width,
      @Nullable Floats before,
      Floats out) {
    positive(rows, in, width);
    Check.length("x", x, (long) rows * in);
    Check.length("w", w, (long) width * in);
    Check.length("bias", bias, width);
    Check.length("out", out, (long) rows * width);
    if (before != null) {
      Check.length("before", before, (long) rows * width);
    }
  }

  static void inputGradient(Floats g, Floats w, int rows, int in, int width, Floats byX) {
    positive(rows, in, width);
    Check.length("g", g, (long) rows * width);
    Check.length("w", w, (long) width * in);
    Check.length("byX", byX, (long) rows * in);
  }

  static void weightGradient(
      Floats g, Floats x, int rows, int in, int width, Floats byW, Floats byBias) {
    positive(rows, in, width);
    Check.length("g", g, (long) rows * width);
    Check.length("x", x, (long) rows * in);
    Check.length("byW", byW, (long) width * in);
    Check.length("byBias", byBias, width);
  }

  static void activationGradient(
      Floats gradient, Floats output, @Nullable Floats before, long n, Activation activation) {
    Check.that(n > 0, "n (%d) must be > 0", n);
    Check.length("gradient", gradient, n);
    Check.length("output", output, n);
    if (activation == Activation.GELU) {
      Check.that(before != null, "GELU needs what entered it");
    }
    if (before != null) {
      Check.length("before", before, n);
    }
  }

  static void normalize(Floats x, int rows, int dim, Floats out, Floats norms) {
    positive(rows, dim, 1);
    Check.length("x", x, (long) rows * dim);
    Check.length("out", out, (long) rows * dim);
    Check.length("norms", norms, rows);
  }

  static void denseUpdate(
      Floats w, Floats gradient, @Nullable Floats mean, @Nullable Floats square, long n) {
    Check.that(n > 0, "n (%d) must be > 0", n);
    Check.length("w", w, n);
    Check.length("gradient", gradient, n);
    Check.that((mean == null) == (square == null), "expected both moments or none");
    if (mean != null && square != null) {
      Check.length("mean", mean, n);
      Check.length("square", square, n);
    }
  }

  private static void positive(int rows, int in, int width) {
    Check.that(rows > 0 && in > 0 && width > 0, "sizes (%d, %d, %d) must be > 0", rows, in, width);
  }
}
