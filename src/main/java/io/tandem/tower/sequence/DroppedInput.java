package io.tandem.tower.sequence;

import java.util.stream.IntStream;

/** A layer's input with dropout: the mask is the same forward and back. */
final class DroppedInput {
  private final int site;
  private final Workspace workspace;

  /**
   * @param site where in the network, unique for each use
   */
  DroppedInput(int site, Workspace workspace) {
    this.site = site;
    this.workspace = workspace;
  }

  /** target ← source ⊙ mask, channel by channel; they may be the same. */
  void apply(Packing packing, Columns source, Columns target, Dropout dropout) {
    target.reserve(packing.rows());
    IntStream.range(0, source.channels())
        .parallel()
        .forEach(
            c -> {
              float[][] rows = workspace.rows(2);
              for (int s = 0; s < packing.segments(); s++) {
                int length = packing.length(s);
                source.get(c, packing.start(s), rows[0], length);
                if (dropout.active()) {
                  dropout.mask(site, c, s, rows[1], length);
                  Rows.multiply(rows[0], rows[1], length);
                }
                target.put(c, packing.start(s), rows[0], length);
              }
            });
    target.clearPadding(packing);
  }
}
