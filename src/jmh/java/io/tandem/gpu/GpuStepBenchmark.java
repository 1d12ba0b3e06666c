package io.tandem.gpu;

import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * How long does each part of a training step take on a GPU, and what share of its limits is that?
 *
 * <p>Batch 65,536, embeddings of 64, towers 256-256-128-64 over tables of 4M rows × 64: the loss in
 * each precision, a layer forward and back, gathering, and the tables' step. Medians over rounds,
 * the GPU waited for after each. Beside each: the rate of floating-point operations or of bytes.
 * Its predictions are in docs/gpu.md.
 *
 * <pre>scripts/bench.sh io.tandem.gpu.GpuStepBenchmark [BATCH] [ROUNDS]</pre>
 */
public final class GpuStepBenchmark {
  private static final int DIM = 64;
  private static final int WIDTH = 256;
  private static final int TABLE = 4_000_000;
  private static final int SLOTS = 4;

  private GpuStepBenchmark() {}

  /** Runs the benchmark, or says what is missing. */
  public static void main(String[] arguments) {
    int batch = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 65_536;
    int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 20;
    String missing = CudaDevice.missing();
    if (missing != null) {
      System.out.println("nothing to measure: " + missing);
      return;
    }
    for (Precision precision : Precision.values()) {
      try (CudaDevice device = CudaDevice.open(0, precision)) {
        System.out.println(device.name());
        loss("loss, forward and back", device, batch, rounds);
        if (precision != Precision.BF16) {
          layer(device, batch, rounds);
        }
        if (precision == Precision.FP32) {
          tables(device, batch, rounds);
        }
      }
      if (precision != Precision.FP32) {
        try (CudaDevice device = CudaDevice.open(0, precision, false)) {
          loss("loss by the common kernels", device, batch, rounds);
        }
      }
    }
  }

  private static void loss(String what, CudaDevice device, int batch, int rounds) {
    SplittableRandom random = new SplittableRandom(1);
    int[] ones = new int[batch + 1];
    Arrays.setAll(ones, i -> i);
    int[] counted = new int[batch];
    Arrays.fill(counted, 1);
    float[] shares = new float[batch];
    Arrays.fill(shares, 1);
    float[] weights = new float[batch];
    Arrays.fill(weights, 1f / batch);
    float[] terms = new float[Softmax.padded(batch)];
    Arrays.fill(terms, batch, terms.length, Softmax.NEVER);
    Floats u = units(device, random, batch);
    Floats v = units(device, random, batch);
    Upload upload = device.upload();
    upload.begin();
    Ints offsets = upload.put(ones, batch + 1);
    Ints own = upload.put(ones, batch);
    Ints inSum = upload.put(counted, batch);
    Floats share = upload.put(shares, batch);
    Floats weight = upload.put(weights, batch);
    Floats negative = upload.put(terms, terms.length);
    Floats positive = upload.put(terms, batch);
    upload.send();
    upload.await();
    Softmax problem =
        new Softmax(
            batch,
            batch,
            DIM,
            u,
            v,
            offsets,
            own,
            share,
            inSum,
            offsets,
            own,
            offsets,
            own,
            offsets,
            own,
            own,
            negative,
            positive,
            weight,
            10,
            device.floats((long) batch * DIM),
            device.floats((long) batch * DIM));
    // Two products a pass, two passes.
    double flops = 4 * 2.0 * batch * batch * DIM;
    long before = device.tableBytes();
    device.softmax(problem);
    device.synchronize();
    System.out.printf(
        Locale.ROOT,
        "  loss: %.0f MB beside the embeddings and their gradients%n",
        (before - device.tableBytes()) / 1e6);
    report(what, time(device, rounds, () -> device.softmax(problem)), flops, 0);
    upload.close();
  }

  private static void layer(CudaDevice device, int batch, int rounds) {
    Floats x = device.floats((long) batch * WIDTH);
    Floats w = device.floats(WIDTH * WIDTH);
    Floats bias = device.floats(WIDTH);
    Floats y = device.floats((long) batch * WIDTH);
    double flops = 2.0 * batch * WIDTH * WIDTH;
    report(
        "layer 256 to 256, forward",
        time(
            device,
            rounds,
            () -> device.layer(x, w, bias, batch, WIDTH, WIDTH, Activation.RELU, null, y)),
        flops,
        8.0 * batch * WIDTH);
    report(
        "layer 256 to 256, gradient by inputs",
        time(device, rounds, () -> device.inputGradient(y, w, batch, WIDTH, WIDTH, x)),
        flops,
        8.0 * batch * WIDTH);
    report(
        "layer 256 to 256, gradient by weights",
        time(device, rounds, () -> device.weightGradient(y, x, batch, WIDTH, WIDTH, w, bias)),
        flops,
        8.0 * batch * WIDTH);
  }

  private static void tables(CudaDevice device, int batch, int rounds) {
    SplittableRandom random = new SplittableRandom(2);
    int entries = batch * SLOTS;
    int[] ids = random.ints(entries, 0, TABLE).toArray();
    int[] sources = new int[entries];
    Arrays.setAll(sources, e -> e * DIM);
    float[] weights = new float[entries];
    Arrays.fill(weights, 1);
    int[] offsets = new int[entries + 1];
    Arrays.setAll(offsets, i -> i);
    Floats table = device.floats((long) TABLE * DIM);
    Floats state = device.floats(TABLE);
    Floats gathered = device.floats((long) entries * DIM);
    Upload upload = device.upload();
    upload.begin();
    Ints rows = upload.put(ids, entries);
    Ints from = upload.put(sources, entries);
    Ints ends = upload.put(offsets, entries + 1);
    Floats factors = upload.put(weights, entries);
    Ints columns = upload.put(IntStream.range(0, SLOTS).map(slot -> slot * DIM).toArray(), SLOTS);
    upload.send();
    upload.await();
    // A row of the batch has the slots side by side.
    Gather gather =
        new Gather(table, DIM, columns, ends, rows, factors, batch, gathered, SLOTS * DIM, false);
    double rowBytes = 4.0 * entries * DIM;
    report(
        entries + " rows gathered",
        time(device, rounds, () -> device.gatherPool(gather)),
        0,
        2 * rowBytes);
    RowUpdate update =
        new RowUpdate(
            table, state, null, TABLE, DIM, entries, rows, from, factors, gathered, 0.01f);
    report(
        entries + " rows sorted, summed and moved",
        time(device, rounds, () -> device.updateRows(update)),
        0,
        3 * rowBytes);
    upload.close();
  }

  private static Floats units(CudaDevice device, SplittableRandom random, int rows) {
    float[] values = new float[rows * DIM];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextDouble() - 0.5);
    }
    Floats raw = device.floats(values.length);
    device.write(values, 0, values.length, raw);
    Floats unit = device.floats(values.length);
    device.normalize(raw, rows, DIM, unit, device.floats(rows));
    return unit;
  }

  private static double time(CudaDevice device, int rounds, Runnable work) {
    double[] times = new double[rounds];
    for (int round = -3; round < rounds; round++) {
      device.synchronize();
      long start = System.nanoTime();
      work.run();
      device.synchronize();
      if (round >= 0) {
        times[round] = (System.nanoTime() - start) / 1e9;
      }
    }
    Arrays.sort(times);
    return times[rounds / 2];
  }

  private static void report(String what, double seconds, double flops, double bytes) {
    System.out.printf(
        Locale.ROOT,
        "  %-45s %9.3f ms  %7.1f TFLOP/s  %7.1f GB/s%n",
        what,
        seconds * 1e3,
        flops / seconds / 1e12,
        bytes / seconds / 1e9);
  }
}
