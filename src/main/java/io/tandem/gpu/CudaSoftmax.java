package io.tandem.gpu;

import io.tandem.gpu.CudaContext.Grid;
import java.util.Locale;

/** The softmax loss in two streams over tiles: by rows with their log-sums, then by columns. */
final class CudaSoftmax {
  private static final int THREADS = 256;
  private static final int STREAM_THREADS = 128;
  private static final int EXACT_THREADS = 256;
  private static final int[] WIDTHS = {32, 64, 128, 256};
  private static final int MOST_SPLITS = 16;

  private final CudaContext context;
  private final Precision precision;
  private final CudaRows.Scratch scratch;

  CudaSoftmax(CudaContext context, Precision precision, CudaRows.Scratch scratch) {
    this.context = context;
    this.precision = precision;
    this.scratch = scratch;
  }

  /** What one stream writes: for each split, sums of [padded rows, width]; maxima and totals. */
  private record Streamed(int splits, long parts, long maxima, long sums) {}

  /** Launches everything; address of the loss and of Σ ⟨u, by u⟩, two doubles. */
  long launch(Softmax s) {
    int wide = WIDTHS[0];
    for (int i = 1; wide < s.dim(); i++) {
      wide = WIDTHS[i];
    }
    int rows = Softmax.padded(s.rows());
    int candidates = Softmax.padded(s.candidates());
    long u = operand("softmax u", CudaFloats.addressOf(s.u()), s.rows(), s.dim(), rows, wide);
    long v =
        operand(
            "softmax v", CudaFloats.addressOf(s.v()), s.candidates(), s.dim(), candidates, wide);
    float scale2 = (float) (s.scale() * Softmax.LOG2_E);
    long weight = scratch.get("softmax weight", rows * 4L);
    long factors = scratch.get("softmax factors", Math.max(1, s.columns().length()) * 4);
    long losses = scratch.get("softmax losses", rows * 4L);
    long along = scratch.get("softmax along", rows * 4L);
    long totals = scratch.get("softmax totals", 16);
    long asNegative = CudaFloats.addressOf(s.asNegative());
    Streamed byRows =
        stream(
            "softmax_rows_",
            new Side(u, rows, s.rows(), s.excludedOffsets(), s.excluded(), 0),
            new Side(v, candidates, s.candidates(), s.excludedOffsets(), s.excluded(), asNegative),
            wide,
            scale2);
    context.launch(
        "finish_rows",
        Grid.over(rows * 32L, THREADS),
        CudaFloats.addressOf(s.u()),
        CudaFloats.addressOf(s.v()),
        s.rows(),
        s.dim(),
        wide,
        rows,
        byRows.splits(),
        byRows.parts(),
        byRows.maxima(),
        byRows.sums(),
        CudaInts.addressOf(s.offsets()),
        CudaInts.addressOf(s.columns()),
        CudaFloats.addressOf(s.shares()),
        CudaInts.addressOf(s.counted()),
        CudaFloats.addressOf(s.asPositive()),
        CudaFloats.addressOf(s.weights()),
        scale2,
        s.scale(),
        CudaFloats.addressOf(s.byU()),
        weight,
        factors,
        losses,
        along);
    Streamed byColumns =
        stream(
            "softmax_columns_",
            new Side(
                v,
                candidates,
                s.candidates(),
                s.excludedRowOffsets(),
                s.excludedRows(),
                asNegative),
            new Side(u, rows, s.rows(), s.excludedRowOffsets(), s.excludedRows(), weight),
            wide,
            scale2);
    context.launch(
        "finish_columns",
        Grid.over(s.candidates() * 32L, THREADS),
        CudaFloats.addressOf(s.u()),
        s.candidates(),
        s.dim(),
        wide,
        candidates,
        byColumns.splits(),
        byColumns.parts(),
        CudaInts.addressOf(s.targetOffsets()),
        CudaInts.addressOf(s.targetRows()),
        CudaInts.addressOf(s.targets()),
        factors,
        s.scale(),
        CudaFloats.addressOf(s.byV()));
    context.launch("sum_pairs", new Grid(1, 1, 1, 1024, 0), losses, along, s.rows(), totals);
    return totals;
  }

  private long operand(String purpose, long source, int rows, int dim, int padded, int wide) {
    long size = (long) padded * wide;
    long out = scratch.get(purpose, size * (precision == Precision.BF16 ? 2 : 4));
    context.launch(
        "prepare_operand",
        Grid.over(size, THREADS),
        source,
        rows,
        dim,
        padded,
        wide,
        precision.code,
        out);
    return out;
  }

  /** One side of the products, with what is added to its scores and which pairs are left out. */
  private record Side(
      long operand, int padded, int size, Ints offsets, Ints excluded, long added) {}

  private Streamed stream(String kernel, Side x, Side y, int wide, float scale) {
    boolean exact = precision == Precision.FP32;
    int blockRows = exact ? 64 : wide <= 64 ? 128 : 64;
    int blocks = x.padded() / blockRows;
    int wanted = Grid.blocks(3L * context.multiprocessors(), blocks);
    int splits = Math.max(1, Math.min(Math.min(wanted, y.padded() / 128), MOST_SPLITS));
    int perSplit = Grid.blocks(y.padded() / 128, splits) * 128;
    splits = Grid.blocks(y.padded(), perSplit);
    long parts = scratch.get("softmax parts", (long) splits * x.padded() * wide * 4);
    long maxima = scratch.get("softmax maxima", (long) splits * x.padded() * 4);
    long sums = scratch.get("softmax sums", (long) splits * x.padded() * 4);
    context.launch(
        kernel + precision.name().toLowerCase(Locale.ROOT) + "_" + wide,
        new Grid(blocks, splits, 1, exact ? EXACT_THREADS : STREAM_THREADS, bytes(wide)),
        x.operand(),
        y.operand(),
        x.added(),
        y.added(),
        CudaInts.addressOf(x.offsets()),
        CudaInts.addressOf(x.excluded()),
        scale,
        x.size(),
        x.padded(),
        y.padded(),
        perSplit,
        parts,
        maxima,
        sums);
    return new Streamed(splits, parts, maxima, sums);
  }

  /** Shared memory of a block: StreamShape and ExactShape of softmax.cuh. */
  private int bytes(int wide) {
    if (precision == Precision.FP32) {
      return ((64 + 32) * (wide + 1) + 64 * 33 + 32 + 64) * 4;
    }
    int rows = wide <= 64 ? 128 : 64;
    int columns = wide <= 128 ? 32 : 16;
    int operand = precision == Precision.BF16 ? 2 : 4;
    int padding = precision == Precision.BF16 ? 8 : 4;
    return (rows + 2 * columns) * (wide + padding) * operand + 2 * columns * 4 + rows * 4;
  }
}
