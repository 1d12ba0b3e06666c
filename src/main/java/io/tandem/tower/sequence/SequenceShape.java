package io.tandem.tower.sequence;

/**
 * Architecture of a sequence encoder.
 *
 * @param dim width of its input and its output
 * @param layers stacked blocks, at least 1; attention pooling has one
 * @param heads attention heads of the transformer, a divisor of {@code dim}; 1 for other kinds
 * @param maxLength most positions of a sequence
 * @param dropout probability of dropping a unit while training, in [0, 1)
 */
public record SequenceShape(
    Kind kind, int dim, int layers, int heads, int maxLength, double dropout) {

  /** How positions are brought together. */
  public enum Kind {
    /** Causal self-attention (Kang and McAuley 2018, SASRec), normalised before each block. */
    TRANSFORMER,
    /** Gated recurrent units (Cho et al. 2014). */
    GRU,
    /** A softmax-weighted mean of the items so far, with learned weights. */
    ATTENTION
  }

  public SequenceShape {
    require(dim >= 1 && dim <= 1 << 14, "dim", dim, "in [1, 16384]");
    require(layers >= 1 && layers <= 100, "layers", layers, "in [1, 100]");
    require(maxLength >= 1 && maxLength <= 1 << 16, "maxLength", maxLength, "in [1, 65536]");
    require(dropout >= 0 && dropout < 1, "dropout", dropout, "in [0, 1)");
    require(heads >= 1 && dim % heads == 0, "heads", heads, "a divisor of dim, " + dim);
    require(kind == Kind.TRANSFORMER || heads == 1, "heads", heads, "1 for " + kind);
    require(kind != Kind.ATTENTION || layers == 1, "layers", layers, "1 for " + kind);
  }

  private static void require(boolean holds, String name, Object found, String expected) {
    if (!holds) {
      throw new IllegalArgumentException("%s (%s) must be %s".formatted(name, found, expected));
    }
  }
}
