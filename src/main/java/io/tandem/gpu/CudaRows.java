package io.tandem.gpu;

import io.tandem.gpu.CudaContext.Grid;

/**
 * The step of an embedding table: entries sorted by row, stably, their gradients summed by row, and
 * the rows moved. Its cost depends on the entries alone.
 */
final class CudaRows {
  private static final int SORT_TILE = 2048;
  private static final int SORT_THREADS = 256;
  private static final int DIGIT_BITS = 8;
  private static final int DIGITS = 1 << DIGIT_BITS;
  private static final int CHUNK = 32;
  private static final int THREADS = 256;
  private static final int[] WIDTHS = {1, 2, 4, 8, 32};

  private CudaRows() {}

  /** Gives memory by purpose, at least so many bytes. */
  interface Scratch {
    long get(Object purpose, long bytes);
  }

  static void run(CudaContext context, Scratch scratch, RowUpdate update) {
    int n = update.entries();
    if (n == 0) {
      return;
    }
    long[] sorted = sort(context, scratch, update);
    int chunks = Grid.blocks(n, CHUNK);
    long heads = scratch.get("row heads", (long) chunks * update.dim() * 4);
    long tails = scratch.get("row tails", (long) chunks * update.dim() * 4);
    int width = WIDTHS[0];
    for (int i = 1; width * 32 < update.dim(); i++) {
      width = WIDTHS[i];
    }
    long table = CudaFloats.addressOf(update.table());
    long first = CudaFloats.addressOf(update.first());
    long second = CudaFloats.addressOf(update.second());
    int kind = update.isAdam() ? 1 : 0;
    Grid grid = Grid.over(chunks * 32L, THREADS);
    context.launch(
        "row_sums_" + width,
        grid,
        sorted[0],
        sorted[1],
        CudaInts.addressOf(update.sources()),
        CudaFloats.addressOf(update.weights()),
        CudaFloats.addressOf(update.gradients()),
        n,
        table,
        first,
        second,
        update.dim(),
        kind,
        update.rate(),
        RowUpdate.BETA1,
        RowUpdate.BETA2,
        RowUpdate.EPSILON,
        heads,
        tails);
    context.launch(
        "row_carries_" + width,
        grid,
        sorted[0],
        n,
        table,
        first,
        second,
        update.dim(),
        kind,
        update.rate(),
        RowUpdate.BETA1,
        RowUpdate.BETA2,
        RowUpdate.EPSILON,
        heads,
        tails);
  }

  /** Rows in rising order, and the entries that have them. */
  private static long[] sort(CudaContext context, Scratch scratch, RowUpdate update) {
    int n = update.entries();
    int tiles = Grid.blocks(n, SORT_TILE);
    long counts = scratch.get("sort counts", (long) tiles * DIGITS * 4);
    long totals = scratch.get("sort totals", DIGITS * 4L);
    long[] keys = {scratch.get("sort keys", n * 4L), scratch.get("sort more keys", n * 4L)};
    long[] values = {scratch.get("sort values", n * 4L), scratch.get("sort more values", n * 4L)};
    int bits = Math.max(1, 32 - Integer.numberOfLeadingZeros(update.rows() - 1));
    long fromKeys = CudaInts.addressOf(update.ids());
    long fromValues = 0;
    int side = 0;
    for (int shift = 0; shift < bits; shift += DIGIT_BITS) {
      context.launch(
          "sort_count", new Grid(tiles, 1, 1, SORT_THREADS, 0), fromKeys, n, shift, counts, tiles);
      context.launch("sort_scan", Grid.over(DIGITS * 32L, THREADS), counts, tiles, totals);
      context.launch(
          "sort_scatter",
          new Grid(tiles, 1, 1, SORT_THREADS, 0),
          fromKeys,
          fromValues,
          n,
          shift,
          counts,
          totals,
          tiles,
          keys[side],
          values[side]);
      fromKeys = keys[side];
      fromValues = values[side];
      side ^= 1;
    }
    return new long[] {fromKeys, fromValues};
  }
}
