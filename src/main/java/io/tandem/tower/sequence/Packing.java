package io.tandem.tower.sequence;

import java.util.Arrays;

/**
 * Where sequences lie among packed positions.
 *
 * @param ends [segments or more] one past each segment's last position
 * @param rows length of a channel in memory: the positions, and a few more of padding
 */
record Packing(int[] ends, int segments, int positions, int rows) {
  /**
   * A channel that is a whole number of pages apart from the next falls into the same cache lines.
   */
  private static final int PAGE = 1024;

  private static final int LINE = 16;

  /** Positions that elementwise passes take together; their channels stay in the cache. */
  static final int BLOCK = 256;

  /**
   * Checks and lays out segments.
   *
   * @throws IllegalArgumentException if a segment is empty, longer than allowed, or the last does
   *     not end with the positions
   */
  static Packing of(int[] ends, int segments, int positions, int maxLength) {
    if (segments < 1 || segments > ends.length || ends[segments - 1] != positions) {
      throw new IllegalArgumentException(
          "%d segments that end at %s, expected at least 1 and the last to end at position %d"
              .formatted(segments, Arrays.toString(ends), positions));
    }
    for (int s = 0; s < segments; s++) {
      int length = ends[s] - (s == 0 ? 0 : ends[s - 1]);
      if (length < 1 || length > maxLength) {
        throw new IllegalArgumentException(
            "segment %d has %d positions, expected 1 to %d".formatted(s, length, maxLength));
      }
    }
    return new Packing(ends, segments, positions, rows(positions));
  }

  private static int rows(int positions) {
    int rows = (positions + LINE - 1) / LINE * LINE;
    return rows % PAGE == 0 ? rows + LINE : rows;
  }

  int start(int segment) {
    return segment == 0 ? 0 : ends[segment - 1];
  }

  int length(int segment) {
    return ends[segment] - start(segment);
  }

  int blocks() {
    return (rows + BLOCK - 1) / BLOCK;
  }

  int blockLength(int block) {
    return Math.min(BLOCK, rows - block * BLOCK);
  }
}
