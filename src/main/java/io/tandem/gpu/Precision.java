package io.tandem.gpu;

/** Of the operands of matrix products; sums are float32 always. The order is the kernels'. */
public enum Precision {
  /** float32, without tensor cores. */
  FP32(0),
  /** 10 bits of mantissa, on tensor cores. */
  TF32(1),
  /** 7 bits of mantissa in the loss, TF32 in layers. */
  BF16(2);

  /** As the kernels number it. */
  final int code;

  Precision(int code) {
    this.code = code;
  }
}
