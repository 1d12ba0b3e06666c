package io.tandem.gpu;

import org.jspecify.annotations.Nullable;

/**
 * Memory and kernels of one device. All matrices are row-major floats. What is asked is done in
 * order; only {@link #read}, {@link #softmaxResult} and {@link #synchronize} wait for it. One
 * thread at a time, but for {@link Upload}s and {@link RowCopies}, which have a thread of their
 * own.
 *
 * <p>Sizes are checked before anything runs. Numbers that name rows are checked by whoever sends
 * them.
 */
public interface Device extends AutoCloseable {
  /** Names the device for people. */
  String name();

  /** Memory for floats, all 0; freed by {@link #close} at the latest. */
  Floats floats(long length);

  /** Bytes that embedding tables with their optimizers' state may take of what is free. */
  long tableBytes();

  /** Frees memory that {@link #floats} gave. */
  void free(Floats memory);

  /** Copies from the host. */
  void write(float[] source, int from, int length, Floats target);

  /** Copies to the host. */
  void read(Floats source, float[] target, int at, int length);

  /** Copies on the device. */
  void copy(Floats source, Floats target, long length);

  Upload upload();

  RowCopies rowCopies();

  /** Waits for everything asked so far. */
  void synchronize();

  /** Pools rows of a table. */
  void gatherPool(Gather gather);

  /** out[row, column + i] = source[row, i] for i below {@code count}. */
  void placeColumns(Floats source, int count, int rows, Floats out, int width, int column);

  /** Moves the touched rows of a table. */
  void updateRows(RowUpdate update);

  /**
   * out = f(x wᵀ + bias).
   *
   * @param x [rows, in]
   * @param w [width, in]
   * @param before receives what enters f, or null
   * @param out [rows, width]
   */
  void layer(
      Floats x,
      Floats w,
      Floats bias,
      int rows,
      int in,
      int width,
      Activation activation,
      @Nullable Floats before,
      Floats out);

  /**
   * byX = g w.
   *
   * @param g [rows, width]
   * @param w [width, in]
   * @param byX [rows, in]
   */
  void inputGradient(Floats g, Floats w, int rows, int in, int width, Floats byX);

  /**
   * byW = gᵀ x and byBias = Σ_row g.
   *
   * @param g [rows, width]
   * @param x [rows, in]
   */
  void weightGradient(Floats g, Floats x, int rows, int in, int width, Floats byW, Floats byBias);

  /** gradient[i] *= f'(before[i]), output being f(before). */
  void activationGradient(
      Floats gradient, Floats output, @Nullable Floats before, long n, Activation activation);

  /** out = x / |x| row by row, and norms = |x|, at least 1e-12. */
  void normalize(Floats x, int rows, int dim, Floats out, Floats norms);

  /** For y = x / |x|, in place of ∂L/∂y: (g − y ⟨y, g⟩) / |x|, or 0 where x was. */
  void normalizeGradient(Floats y, Floats norms, int rows, int dim, Floats gradient);

  /**
   * A step of dense parameters by gradient + l2 w.
   *
   * @param mean Adam's first moments, or null for plain gradient descent
   * @param square Adam's second moments
   * @param rate for Adam with the bias correction
   * @param factor the schedule's
   */
  void denseUpdate(
      Floats w,
      Floats gradient,
      @Nullable Floats mean,
      @Nullable Floats square,
      long n,
      float rate,
      float l2,
      float factor);

  /** Loss and gradients; memory does not grow with rows × candidates. */
  void softmax(Softmax softmax);

  /** Waits for the loss that was asked for last, and not for what was asked since. */
  Softmax.Result softmaxResult();

  @Override
  void close();
}
