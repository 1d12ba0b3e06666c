package io.tandem.tower.sequence;

import java.nio.file.Path;

public final class ExportedSequence {
  public static final class Scratch {}

  public static ExportedSequence open(Path file, SequenceShape expected) {
    return new ExportedSequence();
  }

  public Scratch scratch() {
    return new Scratch();
  }

  public void last(float[] rows, int n, Scratch s, float[] target, int at) {}
}
