package io.tandem.tower.sequence;

import java.util.SplittableRandom;

/**
 * Masks of dropout: 0 or 1 / (1 − rate). A mask is a window into a table of draws, at a place that
 * follows from seed, iteration, layer, site, channel and block alone: forward and backward passes
 * find the same mask without keeping it, and training can continue after a break.
 */
final class Dropout {
  private static final int DRAWS = 1 << 18;

  private final float[] draws;
  private final long seed;
  private final double rate;
  private boolean active;
  private long key;

  Dropout(double rate, int maxLength, long seed) {
    this.rate = rate;
    this.seed = seed;
    SplittableRandom random = new SplittableRandom(seed);
    draws = new float[rate > 0 ? DRAWS + Math.max(Packing.BLOCK, maxLength) : 0];
    float kept = (float) (1 / (1 - rate));
    for (int i = 0; i < draws.length; i++) {
      draws[i] = random.nextDouble() < rate ? 0 : kept;
    }
  }

  void begin(Mode mode, int iteration) {
    active = mode == Mode.TRAINING && rate > 0;
    key = mix(seed + iteration * 0x9E3779B97F4A7C15L);
  }

  boolean active() {
    return active;
  }

  /**
   * Copies a mask.
   *
   * @param site where in the network, unique for each use
   */
  void mask(int site, int channel, int block, float[] target, int length) {
    long place = mix(key ^ mix(((long) site << 48) ^ ((long) channel << 32) ^ block));
    System.arraycopy(draws, (int) (place & (DRAWS - 1)), target, 0, length);
  }

  private static long mix(long value) {
    long z = value + 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
