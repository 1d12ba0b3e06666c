package io.tandem.tower.sequence;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Layers of each kind of encoder and the weights of each, in the order of storage. */
final class Layout {
  /**
   * Width of the transformer's feed-forward network over dim: 1, as in SASRec. The 4 of language
   * models doubles the products of a step, and SASRec's published figures were reached without.
   */
  static final int HIDDEN = 1;

  private Layout() {}

  /** A layer of an encoder. */
  enum Part {
    POSITIONS,
    TRANSFORMER,
    NORM,
    GRU,
    POOLING
  }

  static List<Part> parts(SequenceShape shape) {
    return switch (shape.kind()) {
      case TRANSFORMER -> {
        List<Part> parts = new ArrayList<>();
        parts.add(Part.POSITIONS);
        parts.addAll(Collections.nCopies(shape.layers(), Part.TRANSFORMER));
        parts.add(Part.NORM);
        yield parts;
      }
      case GRU -> Collections.nCopies(shape.layers(), Part.GRU);
      case ATTENTION -> List.of(Part.POOLING);
    };
  }

  static List<Weight> weights(Part part, int dim, int maxLength) {
    return switch (part) {
      case POSITIONS -> List.of(new Weight("positions", maxLength, dim, Weight.Start.SMALL));
      case TRANSFORMER ->
          List.of(
              new Weight("gain1", dim, 1, Weight.Start.ONES),
              new Weight("bias1", dim, 1, Weight.Start.ZEROS),
              Weight.affine("qkv", dim, 3 * dim),
              Weight.affine("out", dim, dim),
              new Weight("gain2", dim, 1, Weight.Start.ONES),
              new Weight("bias2", dim, 1, Weight.Start.ZEROS),
              Weight.affine("hidden", dim, HIDDEN * dim),
              Weight.affine("final", HIDDEN * dim, dim));
      case NORM ->
          List.of(
              new Weight("gain", dim, 1, Weight.Start.ONES),
              new Weight("bias", dim, 1, Weight.Start.ZEROS));
      case GRU ->
          List.of(
              Weight.affine("input", dim, 3 * dim),
              Weight.linear("gates", dim, 2 * dim),
              Weight.linear("candidate", dim, dim));
      case POOLING -> List.of(new Weight("query", dim, 1, Weight.Start.SMALL));
    };
  }

  /** Numbers of all weights. */
  static long length(SequenceShape shape) {
    long length = 0;
    for (Part part : parts(shape)) {
      for (Weight weight : weights(part, shape.dim(), shape.maxLength())) {
        length += (long) weight.rows() * weight.columns();
      }
    }
    return length;
  }
}
