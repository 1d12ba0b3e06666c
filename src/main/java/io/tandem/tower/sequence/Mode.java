package io.tandem.tower.sequence;

/** What a forward pass is for. */
public enum Mode {
  /** With dropout, whose masks follow from the seed and the iteration. */
  TRAINING,
  /** As served. */
  INFERENCE
}
