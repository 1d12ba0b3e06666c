package io.tandem.tower.sequence;

import io.tandem.data.DataException;
import java.nio.file.Path;

/**
 * A sequence encoder for serving: plain floats, no Deeplearning4j, no lock. Outputs equal the
 * network's without dropout to 1e-4. Immutable; safe for any number of threads, each with its own
 * {@link Scratch}.
 */
public final class ExportedSequence {
  private final SequenceShape shape;
  private final Encoder encoder;

  private ExportedSequence(SequenceShape shape, Encoder encoder) {
    this.shape = shape;
    this.encoder = encoder;
  }

  /** Weights of a kind of encoder. */
  interface Encoder {
    Session session();
  }

  /** An encoder's buffers. */
  interface Session {
    void last(float[] rows, int n, float[] target, int at);
  }

  /**
   * Opens what {@link SequenceNetwork#export} wrote.
   *
   * @param expected its shape; dropout does not matter
   * @throws DataException if the file is damaged or of another shape
   */
  public static ExportedSequence open(Path file, SequenceShape expected) {
    WeightReader weights = new WeightReader(WeightsFile.read(file, expected));
    Encoder encoder =
        switch (expected.kind()) {
          case TRANSFORMER -> new TransformerEncoder(expected, weights);
          case GRU -> new GruEncoder(expected, weights);
          case ATTENTION -> new PoolingEncoder(expected, weights);
        };
    return new ExportedSequence(expected, encoder);
  }

  /** Its architecture. */
  public SequenceShape shape() {
    return shape;
  }

  /** Buffers of one thread, for sequences of the maximal length. */
  public Scratch scratch() {
    return new Scratch(encoder.session());
  }

  /**
   * Encodes a sequence: the output at its last position. Allocates nothing.
   *
   * @param rows [n × dim] row-major, earliest first
   * @param n in [1, maxLength]
   * @param target receives [dim] from {@code at} on
   */
  public void last(float[] rows, int n, Scratch scratch, float[] target, int at) {
    if (n < 1 || n > shape.maxLength()) {
      throw new IllegalArgumentException(
          "a sequence of %d, expected 1 to %d".formatted(n, shape.maxLength()));
    }
    scratch.session.last(rows, n, target, at);
  }

  /** Intermediate activations; not to be shared between threads. */
  public static final class Scratch {
    private final Session session;

    private Scratch(Session session) {
      this.session = session;
    }
  }
}
