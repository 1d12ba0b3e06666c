package io.tandem.tower.sequence;

import io.tandem.backend.HostMemory;
import java.nio.FloatBuffer;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.FloatPointer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A weight of a layer where it lies in a network's vectors of parameters and of gradients. */
final class Parameter {
  private final Weight weight;
  private @Nullable INDArray array;
  private @Nullable INDArray gradient;
  private FloatBuffer values = FloatBuffer.allocate(0);
  private FloatBuffer gradients = FloatBuffer.allocate(0);

  Parameter(Weight weight) {
    this.weight = weight;
  }

  Weight weight() {
    return weight;
  }

  int rows() {
    return weight.rows();
  }

  /** Connects it with where it lies; without a gradient only forward passes are possible. */
  void bind(INDArray newArray, @Nullable INDArray newGradient) {
    array = newArray;
    gradient = newGradient;
    values = buffer(newArray);
    gradients = newGradient == null ? FloatBuffer.allocate(0) : buffer(newGradient);
  }

  /** [rows, columns] column-major. */
  FloatPointer pointer() {
    return HostMemory.pointer(bound(array));
  }

  FloatPointer gradientPointer() {
    return HostMemory.pointer(bound(gradient));
  }

  /** Column by column. */
  FloatBuffer values() {
    return values;
  }

  FloatBuffer gradients() {
    return gradients;
  }

  /** Writes a weight's first values. */
  static void initialize(Weight weight, INDArray target, long seed) {
    FloatBuffer buffer = buffer(target);
    SplittableRandom random =
        new SplittableRandom(seed ^ (weight.name().hashCode() * 0x9E3779B97F4A7C15L));
    for (int i = 0; i < weight.length(); i++) {
      buffer.put(i, weight.first(random, i % weight.rows()));
    }
    HostMemory.written(target);
  }

  private static FloatBuffer buffer(INDArray view) {
    return HostMemory.of(view).slice();
  }

  private static INDArray bound(@Nullable INDArray array) {
    if (array == null) {
      throw new IllegalStateException("the layer is not bound to a network's parameters");
    }
    return array;
  }
}
