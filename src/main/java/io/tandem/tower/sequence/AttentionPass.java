package io.tandem.tower.sequence;

import java.util.stream.IntStream;

/** Attention of every head over every sequence, in parallel. */
final class AttentionPass {
  private final int dim;
  private final int heads;
  private final int width;
  private final ThreadLocal<CausalAttention> cores;

  /** [head × rows + position]. */
  private float[] logSums = new float[0];

  AttentionPass(int dim, int heads, int maxLength) {
    this.dim = dim;
    this.heads = heads;
    width = dim / heads;
    cores = ThreadLocal.withInitial(() -> new CausalAttention(Mode.TRAINING, width, maxLength));
  }

  /**
   * Attends.
   *
   * @param qkv [rows, 3 × dim] queries, keys and values, head by head
   * @param attended receives [rows, dim]
   */
  void forward(Packing packing, Columns qkv, Columns attended) {
    if (logSums.length < heads * packing.rows()) {
      logSums = new float[heads * packing.rows()];
    }
    IntStream.range(0, packing.segments() * heads)
        .parallel()
        .forEach(
            task -> {
              int start = packing.start(task / heads);
              int n = packing.length(task / heads);
              int head = task % heads;
              CausalAttention core = cores.get();
              load(qkv, core, head, start, n);
              core.forward(n);
              put(attended, head * width, start, core.out, n);
              System.arraycopy(core.logSum, 0, logSums, head * packing.rows() + start, n);
            });
    attended.clearPadding(packing);
  }

  /**
   * Gradient by queries, keys and values.
   *
   * @param attended what {@link #forward} gave
   * @param byAttended [rows, dim] gradient by that
   * @param byQkv receives [rows, 3 × dim]
   */
  void backward(Packing packing, Columns qkv, Columns attended, Columns byAttended, Columns byQkv) {
    IntStream.range(0, packing.segments() * heads)
        .parallel()
        .forEach(
            task -> {
              int start = packing.start(task / heads);
              int n = packing.length(task / heads);
              int head = task % heads;
              int channel = head * width;
              CausalAttention core = cores.get();
              load(qkv, core, head, start, n);
              get(attended, channel, start, core.out, n);
              get(byAttended, channel, start, core.byOut, n);
              System.arraycopy(logSums, head * packing.rows() + start, core.logSum, 0, n);
              core.backward(n);
              put(byQkv, channel, start, core.byQ, n);
              put(byQkv, dim + channel, start, core.byK, n);
              put(byQkv, 2 * dim + channel, start, core.byV, n);
            });
    byQkv.clearPadding(packing);
  }

  private void load(Columns qkv, CausalAttention core, int head, int start, int n) {
    get(qkv, head * width, start, core.q, n);
    get(qkv, dim + head * width, start, core.k, n);
    get(qkv, 2 * dim + head * width, start, core.v, n);
  }

  private static void get(Columns source, int channel, int start, float[][] target, int n) {
    for (int c = 0; c < target.length; c++) {
      source.get(channel + c, start, target[c], n);
    }
  }

  private static void put(Columns target, int channel, int start, float[][] source, int n) {
    for (int c = 0; c < source.length; c++) {
      target.put(channel + c, start, source[c], n);
    }
  }
}
