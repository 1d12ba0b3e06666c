package io.tandem.tower.sequence;

public record SequenceShape(
    Kind kind, int dim, int layers, int heads, int maxLength, double dropout) {
  public enum Kind {
    TRANSFORMER,
    GRU,
    ATTENTION
  }
}
