package io.tandem.gpu;

import io.tandem.gpu.CudaContext.Grid;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The softmax loss in two streams over tiles: by rows with their log-sums, then by columns. */
final class CudaSoftmax {
  private static final int THREADS = 256;
  private static final int STREAM_THREADS = 128;
  private static final int EXACT_THREADS = 256;
  private static final int WARPGROUP_THREADS = 512;
  private static final int WARPGROUP_WIDTH = 64;
  private static final int HOPPER_CAPABILITY = 90;
  private static final String HOPPER = "hopper_";
  private static final int[] WIDTHS = {32, 64, 128, 256};
  private static final int MOST_SPLITS = 16;

  private final CudaContext context;
  private final Precision precision;
  private final CudaRows.Scratch scratch;

  private final boolean warpgroups;

  /**
   * @param warpgroups whether products of warpgroups are used where the GPU has them
   */
  CudaSoftmax(
      CudaContext context, Precision precision, CudaRows.Scratch scratch, boolean warpgroups) {
    this.context = context;
    this.precision = precision;
    this.scratch = scratch;
    this.warpgroups =
        warpgroups
            && precision != Precision.FP32
            && context.capability() == HOPPER_CAPABILITY
            && context.has("softmax_rows_" + HOPPER + name());
  }

  /** Whether some problems are solved by softmax_hopper.cuh. */
  boolean hasWarpgroups() {
    return warpgroups;
  }

  private String name() {
    return precision.name().toLowerCase(Locale.ROOT);
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
    float scale2 = (float) (s.scale() * Softmax.LOG2_E);
    Operand u = operand("u", CudaFloats.addressOf(s.u()), s.rows(), s.dim(), rows, wide, scale2);
    Operand v =
        operand(
            "v", CudaFloats.addressOf(s.v()), s.candidates(), s.dim(), candidates, wide, scale2);
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
            wide);
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
            wide);
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

  /** A matrix as the products take it: scaled where it stands left, and as it is. */
  private record Operand(long asX, long asY, long transposed) {}

  private Operand operand(
      String name, long source, int rows, int dim, int padded, int wide, float scale) {
    long size = (long) padded * wide;
    long bytes = size * (precision == Precision.BF16 ? 2 : 4);
    boolean transposed = warpgroups(wide) && precision == Precision.TF32;
    Operand out =
        new Operand(
            scratch.get("softmax x " + name, bytes),
            scratch.get("softmax y " + name, bytes),
            transposed ? scratch.get("softmax transposed " + name, bytes) : 0);
    context.launch(
        "prepare_operand",
        Grid.over(size, THREADS),
        source,
        rows,
        dim,
        padded,
        wide,
        precision.code,
        scale,
        out.asX,
        out.asY,
        out.transposed);
    return out;
  }

  /** One side of the products, with what is added to its scores and which pairs are left out. */
  private record Side(
      Operand operand, int padded, int size, Ints offsets, Ints excluded, long added) {}

  private Streamed stream(String kernel, Side x, Side y, int wide) {
    boolean hopper = warpgroups(wide);
    boolean exact = precision == Precision.FP32;
    int blockRows = hopper ? 256 : exact ? 64 : wide <= 64 ? 128 : 64;
    int blocks = x.padded() / blockRows;
    int perSplit = columnsPerSplit(blocks, y.padded() / 128, hopper ? 1 : 2) * 128;
    int splits = Grid.blocks(y.padded(), perSplit);
    long parts = scratch.get("softmax parts", (long) splits * x.padded() * wide * 4);
    long maxima = scratch.get("softmax maxima", (long) splits * x.padded() * 4);
    long sums = scratch.get("softmax sums", (long) splits * x.padded() * 4);
    List<Object> parameters =
        new ArrayList<>(
            List.of(
                x.operand().asX(),
                y.operand().asY(),
                x.added(),
                y.added(),
                CudaInts.addressOf(x.offsets()),
                CudaInts.addressOf(x.excluded()),
                x.size(),
                x.padded(),
                y.padded(),
                perSplit,
                parts,
                maxima,
                sums));
    if (hopper) {
      parameters.add(y.operand().transposed());
      context.launch(
          kernel + HOPPER + name(),
          new Grid(blocks, splits, 1, WARPGROUP_THREADS, warpgroupBytes()),
          parameters.toArray());
    } else {
      context.launch(
          kernel + name() + "_" + wide,
          new Grid(blocks, splits, 1, exact ? EXACT_THREADS : STREAM_THREADS, bytes(wide)),
          parameters.toArray());
    }
    return new Streamed(splits, parts, maxima, sums);
  }

  /**
   * Tiles of 128 columns a block, so that all are soon done: blocks run in rounds, and each costs
   * about a tile more than its columns.
   */
  private int columnsPerSplit(int blocks, int tiles, int blocksAtOnce) {
    int best = tiles;
    long least = Long.MAX_VALUE;
    for (int splits = 1; splits <= Math.min(tiles, MOST_SPLITS); splits++) {
      int each = Grid.blocks(tiles, splits);
      long rounds =
          Grid.blocks(
              (long) blocks * Grid.blocks(tiles, each), context.multiprocessors() * blocksAtOnce);
      long cost = rounds * (each + 1);
      if (cost < least) {
        least = cost;
        best = each;
      }
    }
    return best;
  }

  /** softmax_hopper.cuh has it. */
  private boolean warpgroups(int wide) {
    return warpgroups && wide == WARPGROUP_WIDTH;
  }

  /** Shared memory of a block there: x, and stages of tiles with terms and masks. */
  private int warpgroupBytes() {
    boolean half = precision == Precision.BF16;
    int tiles = half ? 3 * 4 : 2 * 2;
    return 1024 + (half ? 1 : 2) * 256 * 128 + tiles * ((half ? 1 : 4) * 8192 + 64 * 4 + 256 * 8);
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
    return (rows + 2 * columns) * (wide + padding) * operand + 2 * columns * 4 + 2 * rows * 4;
  }
}
