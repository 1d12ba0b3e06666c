package io.tandem.gpu;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;

/** A random loss with several positives, rows without any, exclusions, and terms of every kind. */
final class SoftmaxCase {
  final int rows;
  final int candidates;
  final int dim;
  final float[] u;
  final float[] v;
  private final float scale = 1 / 0.1f;
  private final int[] offsets;
  private int[] columns = new int[0];
  private float[] shares = new float[0];
  private int[] counted = new int[0];
  private final int[] excludedOffsets;
  private int[] excluded = new int[0];
  private final int[] excludedRowOffsets;
  private int[] excludedRows = new int[0];
  private final int[] targetOffsets;
  private int[] targetRows = new int[0];
  private int[] targets = new int[0];
  private final float[] asNegative;
  private final float[] asPositive;
  private final float[] weights;

  private SoftmaxCase(int rows, int candidates, int dim) {
    this.rows = rows;
    this.candidates = candidates;
    this.dim = dim;
    u = new float[rows * dim];
    v = new float[candidates * dim];
    offsets = new int[rows + 1];
    excludedOffsets = new int[rows + 1];
    excludedRowOffsets = new int[candidates + 1];
    targetOffsets = new int[candidates + 1];
    asNegative = new float[Softmax.padded(candidates)];
    asPositive = new float[candidates];
    weights = new float[rows];
  }

  static SoftmaxCase random(int rows, int candidates, int dim, int positives, long seed) {
    SoftmaxCase c = new SoftmaxCase(rows, candidates, dim);
    SplittableRandom random = new SplittableRandom(seed);
    unitRows(random, c.u, rows, dim);
    unitRows(random, c.v, candidates, dim);
    Arrays.fill(c.asNegative, Softmax.NEVER);
    for (int j = 0; j < candidates; j++) {
      c.asPositive[j] = (float) (random.nextDouble() * 4);
      c.asNegative[j] = j % 17 == 3 ? Softmax.NEVER : c.asPositive[j] + random.nextInt(2);
    }
    List<TreeSet<Integer>> excludedOf = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      TreeSet<Integer> own = new TreeSet<>();
      int wanted = row % 23 == 5 ? 0 : Math.min(candidates, positives);
      while (own.size() < wanted) {
        own.add(random.nextInt(candidates));
      }
      TreeSet<Integer> out = new TreeSet<>();
      for (int column : own) {
        boolean counted = row % 3 != 0 || c.asNegative[column] == Softmax.NEVER;
        c.columns = append(c.columns, column);
        c.shares = append(c.shares, 1f / wanted);
        c.counted = append(c.counted, counted ? 1 : 0);
        if (counted) {
          out.add(column);
        }
      }
      for (int extra = 0; extra < row % 40 && candidates > 1; extra++) {
        int column = random.nextInt(candidates);
        if (!own.contains(column)) {
          out.add(column);
        }
      }
      excludedOf.add(out);
      for (int column : out) {
        c.excluded = append(c.excluded, column);
      }
      c.offsets[row + 1] = c.columns.length;
      c.excludedOffsets[row + 1] = c.excluded.length;
      c.weights[row] = row % 11 == 7 ? 0 : (float) random.nextDouble() / rows;
    }
    for (int column = 0; column < candidates; column++) {
      for (int row = 0; row < rows; row++) {
        if (excludedOf.get(row).contains(column)) {
          c.excludedRows = append(c.excludedRows, row);
        }
        for (int p = c.offsets[row]; p < c.offsets[row + 1]; p++) {
          if (c.columns[p] == column) {
            c.targetRows = append(c.targetRows, row);
            c.targets = append(c.targets, p);
          }
        }
      }
      c.excludedRowOffsets[column + 1] = c.excludedRows.length;
      c.targetOffsets[column + 1] = c.targetRows.length;
    }
    return c;
  }

  /**
   * Gradients by u, each as large as its row's weight makes it, by v, the loss and its other sum.
   */
  float[][] run(Device device) {
    Upload upload = device.upload();
    upload.begin();
    Floats uOn = upload.put(u, u.length);
    Floats vOn = upload.put(v, v.length);
    Ints o = upload.put(offsets, offsets.length);
    Ints c = upload.put(columns, columns.length);
    Floats s = upload.put(shares, shares.length);
    Ints in = upload.put(counted, counted.length);
    Ints eo = upload.put(excludedOffsets, excludedOffsets.length);
    Ints e = upload.put(excluded, excluded.length);
    Ints ro = upload.put(excludedRowOffsets, excludedRowOffsets.length);
    Ints r = upload.put(excludedRows, excludedRows.length);
    Ints to = upload.put(targetOffsets, targetOffsets.length);
    Ints tr = upload.put(targetRows, targetRows.length);
    Ints t = upload.put(targets, targets.length);
    Floats negative = upload.put(asNegative, asNegative.length);
    Floats positive = upload.put(asPositive, asPositive.length);
    Floats w = upload.put(weights, weights.length);
    upload.send();
    upload.await();
    Floats byU = device.floats(u.length);
    Floats byV = device.floats(v.length);
    device.softmax(
        new Softmax(
            rows,
            candidates,
            dim,
            uOn,
            vOn,
            o,
            c,
            s,
            in,
            eo,
            e,
            ro,
            r,
            to,
            tr,
            t,
            negative,
            positive,
            w,
            scale,
            byU,
            byV));
    Softmax.Result result = device.softmaxResult();
    float[][] all = {new float[u.length], new float[v.length], new float[2]};
    device.read(byU, all[0], 0, u.length);
    device.read(byV, all[1], 0, v.length);
    all[2][0] = (float) result.loss();
    all[2][1] = (float) result.along();
    upload.close();
    return all;
  }

  private static void unitRows(SplittableRandom random, float[] matrix, int rows, int dim) {
    for (int row = 0; row < rows; row++) {
      double squares = 0;
      for (int i = 0; i < dim; i++) {
        matrix[row * dim + i] = (float) (random.nextDouble() * 2 - 1);
        squares += matrix[row * dim + i] * (double) matrix[row * dim + i];
      }
      for (int i = 0; i < dim; i++) {
        matrix[row * dim + i] /= (float) Math.sqrt(squares);
      }
    }
  }

  private static int[] append(int[] values, int value) {
    int[] longer = Arrays.copyOf(values, values.length + 1);
    longer[values.length] = value;
    return longer;
  }

  private static float[] append(float[] values, float value) {
    float[] longer = Arrays.copyOf(values, values.length + 1);
    longer[values.length] = value;
    return longer;
  }
}
