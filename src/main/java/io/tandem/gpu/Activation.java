package io.tandem.gpu;

/** What follows a layer's product. The order is the kernels'. */
public enum Activation {
  IDENTITY(0),
  RELU(1),
  /** Slope 0.01 below 0. */
  LEAKY_RELU(2),
  TANH(3),
  /** x sigmoid(1.702 x) (Hendrycks and Gimpel 2016, section 2). */
  GELU(4);

  /** As the kernels number it. */
  final int code;

  Activation(int code) {
    this.code = code;
  }

  double apply(double x) {
    return switch (this) {
      case IDENTITY -> x;
      case RELU -> Math.max(0, x);
      case LEAKY_RELU -> x >= 0 ? x : 0.01 * x;
      case TANH -> Math.tanh(x);
      case GELU -> x / (1 + Math.exp(-1.702 * x));
    };
  }

  /**
   * The derivative by x.
   *
   * @param y f(x); only GELU looks at x
   */
  double slope(double x, double y) {
    return switch (this) {
      case IDENTITY -> 1;
      case RELU -> y > 0 ? 1 : 0;
      case LEAKY_RELU -> y >= 0 ? 1 : 0.01;
      case TANH -> 1 - y * y;
      case GELU -> {
        double s = 1 / (1 + Math.exp(-1.702 * x));
        yield s * (1 + 1.702 * x * (1 - s));
      }
    };
  }
}
