package io.tandem.tower.sequence;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasColMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.cblas_sgemm;

/**
 * Passes of an affine or linear map over all positions, each one product. They call the BLAS that
 * ND4J itself calls: through ND4J, a product with a transposed matrix copies the other one first,
 * which for a batch of sequences is larger than anything else in a step.
 */
final class Affine {
  private Affine() {}

  /**
   * output ← input · map, with the bias where the input has ones.
   *
   * @param input [rows, in]
   * @param map [in, out], or [in + 1, out] where the input has ones
   * @param output [rows, out]
   */
  static void forward(Columns input, Parameter map, Columns output) {
    int rows = input.rows();
    int out = map.weight().columns();
    check(input.width() == map.rows() && output.channels() == out && output.rows() == rows, map);
    cblas_sgemm(
        CblasColMajor,
        CblasNoTrans,
        CblasNoTrans,
        rows,
        out,
        map.rows(),
        1,
        input.pointer(0),
        rows,
        map.pointer(),
        map.rows(),
        0,
        output.pointer(0),
        rows);
  }

  /**
   * Sets a map's gradient.
   *
   * @param byOutput gradient by the output, from channel {@code from} on
   */
  static void mapGradient(Columns input, Parameter map, Columns byOutput, int from) {
    int rows = input.rows();
    int out = map.weight().columns();
    check(
        input.width() == map.rows() && from + out <= byOutput.channels() && byOutput.rows() == rows,
        map);
    cblas_sgemm(
        CblasColMajor,
        CblasTrans,
        CblasNoTrans,
        map.rows(),
        out,
        rows,
        1,
        input.pointer(0),
        rows,
        byOutput.pointer(from),
        rows,
        0,
        map.gradientPointer(),
        map.rows());
  }

  /**
   * Gradient by a map's input from that by its output.
   *
   * @param byInput receives [rows, in]
   */
  static void inputGradient(Columns byOutput, Parameter map, Columns byInput) {
    int rows = byOutput.rows();
    int out = map.weight().columns();
    check(
        byInput.channels() <= map.rows() && byOutput.channels() == out && byInput.rows() == rows,
        map);
    cblas_sgemm(
        CblasColMajor,
        CblasNoTrans,
        CblasTrans,
        rows,
        byInput.channels(),
        out,
        1,
        byOutput.pointer(0),
        rows,
        map.pointer(),
        map.rows(),
        0,
        byInput.pointer(0),
        rows);
  }

  /** The product would read or write outside its matrices otherwise. */
  private static void check(boolean fits, Parameter map) {
    if (!fits) {
      throw new IllegalStateException("matrices that do not fit " + map.weight());
    }
  }
}
