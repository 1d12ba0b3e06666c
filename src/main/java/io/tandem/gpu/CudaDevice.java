package io.tandem.gpu;

import com.sun.jna.Pointer;
import io.tandem.gpu.CudaContext.Grid;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An NVIDIA GPU, by kernels of {@code native/cuda}. It owns all memory that it gives out, and one
 * stream on which everything runs in order.
 */
public final class CudaDevice implements Device {
  private static final int THREADS = 256;
  private static final int GEMM_ROWS = 128;
  private static final int GEMM_COLUMNS = 64;
  private static final int GEMM_DEPTH = 32;
  private static final int GEMM_THREADS = 128;
  private static final int GEMM_STAGES = 2;
  private static final int MOST_SPLITS = 64;

  /** Left to the context, to libraries and to scratch memory when tables are placed. */
  private static final long RESERVE = 2L << 30;

  private static final int STAGING_BYTES = 16 << 20;

  /** Two doubles. */
  private static final int LOSSES_BYTES = 16;

  private final CudaContext context;
  private final Precision precision;
  private final Set<CudaMemory> owned = new HashSet<>();
  private final Map<Object, CudaMemory> scratch = new HashMap<>();
  private final CudaMemory staging;
  private final CudaSoftmax softmax;

  /** Where the loss and its other sum arrive, and when they have. */
  private final CudaMemory losses;

  private final CudaEvent lossesThere;

  private CudaDevice(CudaContext context, Precision precision, boolean warpgroups) {
    this.context = context;
    this.precision = precision;
    staging = CudaMemory.onHost(STAGING_BYTES);
    softmax = new CudaSoftmax(context, precision, this::scratch, warpgroups);
    losses = CudaMemory.onHost(LOSSES_BYTES);
    lossesThere = new CudaEvent();
  }

  /**
   * Opens a GPU.
   *
   * @param ordinal as the driver counts them, from 0
   * @param precision of matrix products; GPUs without tensor cores for it take float32
   * @throws CudaException if there is no driver, no such GPU, or no kernels in this build
   */
  public static CudaDevice open(int ordinal, Precision precision) {
    return open(ordinal, precision, WarpgroupCheck.passes(ordinal, precision));
  }

  /**
   * Opens a GPU unchecked.
   *
   * @param warpgroups whether the loss may use products of warpgroups
   */
  static CudaDevice open(int ordinal, Precision precision, boolean warpgroups) {
    CudaContext context = CudaContext.open(ordinal);
    try {
      Precision possible = context.capability() >= 80 ? precision : Precision.FP32;
      return new CudaDevice(context, possible, warpgroups);
    } catch (CudaException e) {
      context.close();
      throw e;
    }
  }

  /** Whether the loss of some problems uses products of warpgroups. */
  boolean hasWarpgroups() {
    return softmax.hasWarpgroups();
  }

  /**
   * GPUs that the driver sees.
   *
   * @throws CudaException if there is no driver
   */
  public static int count() {
    return CudaContext.count();
  }

  CudaContext context() {
    return context;
  }

  /** Why {@link #open} would fail, or null. */
  public static @Nullable String missing() {
    try (CudaContext context = CudaContext.open(0)) {
      return context.capability() >= 70 ? null : context.name() + " is older than sm_70";
    } catch (CudaException e) {
      return e.getMessage();
    }
  }

  @Override
  public String name() {
    return "%s (compute capability %d.%d, %s)"
        .formatted(context.name(), context.capability() / 10, context.capability() % 10, precision);
  }

  @Override
  public Floats floats(long length) {
    context.bind();
    CudaMemory memory = CudaMemory.onDevice(bytes(length));
    owned.add(memory);
    if (length > 0) {
      Driver.check(
          Driver.cuMemsetD32Async(memory.address(), 0, length, context.stream()),
          "clearing memory");
    }
    return new CudaFloats(memory, 0, length);
  }

  @Override
  public long tableBytes() {
    context.bind();
    long[] free = new long[1];
    long[] total = new long[1];
    Driver.check(Driver.cuMemGetInfo_v2(free, total), "cuMemGetInfo");
    return Math.max(0, free[0] - Math.min(RESERVE, total[0] / 4));
  }

  private static long bytes(long length) {
    Check.that(length >= 0, "length (%d) must be >= 0", length);
    return Math.multiplyExact(length, Float.BYTES);
  }

  @Override
  public void free(Floats memory) {
    CudaFloats floats = CudaFloats.of(memory);
    if (owned.remove(floats.memory())) {
      synchronize();
      floats.memory().close();
    }
  }

  @Override
  public void write(float[] source, int from, int length, Floats target) {
    Check.length("target", target, length);
    context.bind();
    long address = CudaFloats.of(target).address();
    for (int done = 0; done < length; done += STAGING_BYTES / 4) {
      int part = Math.min(STAGING_BYTES / 4, length - done);
      new Pointer(staging.hostAddress())
          .getByteBuffer(0, STAGING_BYTES)
          .order(ByteOrder.nativeOrder())
          .asFloatBuffer()
          .put(source, from + done, part);
      Driver.check(
          Driver.cuMemcpyAsync(
              address + done * 4L, staging.hostAddress(), part * 4L, context.stream()),
          "a copy to the device");
      context.synchronize();
    }
  }

  @Override
  public void read(Floats source, float[] target, int at, int length) {
    Check.length("source", source, length);
    context.bind();
    long address = CudaFloats.of(source).address();
    for (int done = 0; done < length; done += STAGING_BYTES / 4) {
      int part = Math.min(STAGING_BYTES / 4, length - done);
      Driver.check(
          Driver.cuMemcpyAsync(
              staging.hostAddress(), address + done * 4L, part * 4L, context.stream()),
          "a copy from the device");
      context.synchronize();
      new Pointer(staging.hostAddress())
          .getByteBuffer(0, STAGING_BYTES)
          .order(ByteOrder.nativeOrder())
          .asFloatBuffer()
          .get(target, at + done, part);
    }
  }

  @Override
  public void copy(Floats source, Floats target, long length) {
    Check.length("source", source, length);
    Check.length("target", target, length);
    context.bind();
    Driver.check(
        Driver.cuMemcpyAsync(
            CudaFloats.of(target).address(),
            CudaFloats.of(source).address(),
            length * Float.BYTES,
            context.stream()),
        "a copy on the device");
  }

  @Override
  public Upload upload() {
    context.bind();
    return new CudaUpload(context);
  }

  @Override
  public RowCopies rowCopies() {
    context.bind();
    return new CudaRowCopies(context);
  }

  @Override
  public void synchronize() {
    context.bind();
    context.synchronize();
  }

  /** Memory that a kernel's steps share, at least so large; named by what it is for. */
  private long scratch(Object purpose, long bytes) {
    CudaMemory memory = scratch.get(purpose);
    if (memory == null) {
      memory = CudaMemory.onDevice(bytes);
      scratch.put(purpose, memory);
    } else if (memory.bytes() < bytes) {
      context.synchronize();
      memory.require(bytes);
    }
    return memory.address();
  }

  @Override
  public void gatherPool(Gather gather) {
    context.bind();
    int segments = gather.rows() * gather.segments();
    int wide = gather.dim() % 4 == 0 ? gather.dim() / 4 : gather.dim();
    int laneBits = Math.min(5, 32 - Integer.numberOfLeadingZeros(wide - 1));
    context.launch(
        "gather_pool",
        Grid.over((long) segments << laneBits, THREADS),
        CudaFloats.addressOf(gather.table()),
        gather.dim(),
        CudaInts.addressOf(gather.columns()),
        gather.segments(),
        CudaInts.addressOf(gather.offsets()),
        CudaInts.addressOf(gather.ids()),
        CudaFloats.addressOf(gather.weights()),
        segments,
        CudaFloats.addressOf(gather.out()),
        gather.width(),
        gather.adds() ? 1 : 0,
        laneBits);
  }

  @Override
  public void placeColumns(Floats source, int count, int rows, Floats out, int width, int column) {
    Shapes.placeColumns(source, count, rows, out, width, column);
    context.bind();
    context.launch(
        "place_columns",
        Grid.over((long) rows * count, THREADS),
        CudaFloats.addressOf(source),
        count,
        rows,
        CudaFloats.addressOf(out),
        width,
        column);
  }

  @Override
  public void updateRows(RowUpdate update) {
    context.bind();
    CudaRows.run(context, this::scratch, update);
  }

  @Override
  public void layer(
      Floats x,
      Floats w,
      Floats bias,
      int rows,
      int in,
      int width,
      Activation activation,
      @Nullable Floats before,
      Floats out) {
    Shapes.layer(x, w, bias, rows, in, width, before, out);
    context.bind();
    gemm(
        "layer",
        x,
        w,
        CudaFloats.addressOf(out),
        new Product(rows, width, in, in, in, 1, gemmBytes(false, false)),
        CudaFloats.addressOf(bias),
        activation,
        CudaFloats.addressOf(before));
  }

  @Override
  public void inputGradient(Floats g, Floats w, int rows, int in, int width, Floats byX) {
    Shapes.inputGradient(g, w, rows, in, width, byX);
    context.bind();
    gemm(
        "input_gradient",
        g,
        w,
        CudaFloats.addressOf(byX),
        new Product(rows, in, width, width, in, 1, gemmBytes(false, true)),
        0,
        Activation.IDENTITY,
        0);
  }

  /** The depth is the batch: it is split over blocks, whose sums are added in order. */
  @Override
  public void weightGradient(
      Floats g, Floats x, int rows, int in, int width, Floats byW, Floats byBias) {
    Shapes.weightGradient(g, x, rows, in, width, byW, byBias);
    context.bind();
    int tiles = Grid.blocks(in, GEMM_COLUMNS) * Grid.blocks(width, GEMM_ROWS);
    int splits = splits(tiles, Grid.blocks(rows, 4 * GEMM_DEPTH));
    long size = (long) in * width;
    long out = CudaFloats.addressOf(byW);
    long parts = splits == 1 ? out : scratch("weight gradient", splits * size * 4);
    gemm(
        "weight_gradient",
        g,
        x,
        parts,
        new Product(width, in, rows, width, in, splits, gemmBytes(true, true)),
        0,
        Activation.IDENTITY,
        0);
    if (splits > 1) {
      sumSplits(parts, splits, size, out);
    }
    int columnBlocks = Grid.blocks(width, 32);
    int rowSplits = splits(columnBlocks, Grid.blocks(rows, 64));
    int perSplit = Grid.blocks(rows, rowSplits);
    long sums = scratch("bias gradient", (long) rowSplits * width * 4);
    context.launch(
        "column_sums",
        new Grid(columnBlocks, rowSplits, 1, THREADS, 0),
        CudaFloats.addressOf(g),
        rows,
        width,
        perSplit,
        sums);
    sumSplits(sums, rowSplits, width, CudaFloats.addressOf(byBias));
  }

  private void sumSplits(long parts, int splits, long n, long out) {
    context.launch("sum_splits", Grid.over(n, THREADS), parts, splits, n, out);
  }

  /** Parts that fill the GPU twice, where there are so many. */
  private int splits(int blocks, int most) {
    int wanted = Grid.blocks(2L * context.multiprocessors(), blocks);
    return Math.max(1, Math.min(Math.min(wanted, most), MOST_SPLITS));
  }

  /** c [m, n] = a b over a depth of k, in so many parts. */
  private record Product(int m, int n, int k, int lda, int ldb, int splits, int sharedBytes) {}

  /** Shared memory of a product: GemmShape of dense.cuh. */
  private static int gemmBytes(boolean aByDepth, boolean bByDepth) {
    int a = aByDepth ? GEMM_DEPTH * (GEMM_ROWS + 8) : GEMM_ROWS * (GEMM_DEPTH + 4);
    int b = bByDepth ? GEMM_DEPTH * (GEMM_COLUMNS + 8) : GEMM_COLUMNS * (GEMM_DEPTH + 4);
    return GEMM_STAGES * (a + b) * Float.BYTES;
  }

  private void gemm(
      String kernel,
      Floats a,
      Floats b,
      long c,
      Product p,
      long bias,
      Activation activation,
      long before) {
    int perSplit = Grid.blocks(Grid.blocks(p.k(), p.splits()), GEMM_DEPTH) * GEMM_DEPTH;
    Check.that(
        Grid.blocks(p.m(), GEMM_ROWS) <= 65535, "%d rows are more than a product takes", p.m());
    context.launch(
        kernel + (precision == Precision.FP32 ? "_fp32" : "_tf32"),
        new Grid(
            Grid.blocks(p.n(), GEMM_COLUMNS),
            Grid.blocks(p.m(), GEMM_ROWS),
            p.splits(),
            GEMM_THREADS,
            p.sharedBytes()),
        CudaFloats.addressOf(a),
        CudaFloats.addressOf(b),
        c,
        p.m(),
        p.n(),
        p.k(),
        p.lda(),
        p.ldb(),
        perSplit,
        bias,
        activation.code,
        before);
  }

  @Override
  public void activationGradient(
      Floats gradient, Floats output, @Nullable Floats before, long n, Activation activation) {
    Shapes.activationGradient(gradient, output, before, n, activation);
    context.bind();
    context.launch(
        "activation_gradient",
        Grid.over(n, THREADS),
        CudaFloats.addressOf(gradient),
        CudaFloats.addressOf(output),
        CudaFloats.addressOf(before),
        n,
        activation.code);
  }

  @Override
  public void normalize(Floats x, int rows, int dim, Floats out, Floats norms) {
    Shapes.normalize(x, rows, dim, out, norms);
    context.bind();
    context.launch(
        "normalize",
        Grid.over(rows * 32L, THREADS),
        CudaFloats.addressOf(x),
        rows,
        dim,
        CudaFloats.addressOf(out),
        CudaFloats.addressOf(norms));
  }

  @Override
  public void normalizeGradient(Floats y, Floats norms, int rows, int dim, Floats gradient) {
    Shapes.normalize(y, rows, dim, gradient, norms);
    context.bind();
    context.launch(
        "normalize_gradient",
        Grid.over(rows * 32L, THREADS),
        CudaFloats.addressOf(y),
        CudaFloats.addressOf(norms),
        rows,
        dim,
        CudaFloats.addressOf(gradient));
  }

  @Override
  public void denseUpdate(
      Floats w,
      Floats gradient,
      @Nullable Floats mean,
      @Nullable Floats square,
      long n,
      float rate,
      float l2,
      float factor) {
    Shapes.denseUpdate(w, gradient, mean, square, n);
    context.bind();
    context.launch(
        "dense_update",
        Grid.over(n, THREADS),
        CudaFloats.addressOf(w),
        CudaFloats.addressOf(gradient),
        CudaFloats.addressOf(mean),
        CudaFloats.addressOf(square),
        n,
        rate,
        RowUpdate.BETA1,
        RowUpdate.BETA2,
        RowUpdate.EPSILON,
        l2,
        factor);
  }

  @Override
  public void softmax(Softmax problem) {
    context.bind();
    long sums = softmax.launch(problem);
    Driver.check(
        Driver.cuMemcpyAsync(losses.hostAddress(), sums, LOSSES_BYTES, context.stream()),
        "a copy from the device");
    lossesThere.record(context.stream());
  }

  @Override
  public Softmax.Result softmaxResult() {
    context.bind();
    lossesThere.synchronize();
    Pointer results = new Pointer(losses.hostAddress());
    return new Softmax.Result(results.getDouble(0), results.getDouble(8));
  }

  @Override
  public void close() {
    synchronize();
    owned.forEach(CudaMemory::close);
    scratch.values().forEach(CudaMemory::close);
    staging.close();
    losses.close();
    lossesThere.close();
    context.close();
  }
}
