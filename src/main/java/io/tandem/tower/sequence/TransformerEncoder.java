package io.tandem.tower.sequence;

import io.tandem.loss.FastExp;
import java.util.Arrays;

/** The transformer for serving. */
final class TransformerEncoder implements ExportedSequence.Encoder {
  private final int dim;
  private final int hidden;
  private final int heads;
  private final int width;
  private final int maxLength;

  /** [channel][position]. */
  private final float[][] positions;

  private final Block[] blocks;
  private final float[] gain;
  private final float[] bias;

  TransformerEncoder(SequenceShape shape, WeightReader weights) {
    dim = shape.dim();
    hidden = Layout.HIDDEN * dim;
    heads = shape.heads();
    width = dim / heads;
    maxLength = shape.maxLength();
    positions = new float[dim][];
    for (int c = 0; c < dim; c++) {
      positions[c] = weights.vector(maxLength);
    }
    blocks = new Block[shape.layers()];
    for (int layer = 0; layer < blocks.length; layer++) {
      blocks[layer] =
          new Block(
              weights.vector(dim),
              weights.vector(dim),
              weights.affine(dim, 3 * dim),
              weights.affine(dim, dim),
              weights.vector(dim),
              weights.vector(dim),
              weights.affine(dim, hidden),
              weights.affine(hidden, dim));
    }
    gain = weights.vector(dim);
    bias = weights.vector(dim);
  }

  /** Weights of a block; maps are [in + 1][out]. */
  private record Block(
      float[] gain1,
      float[] bias1,
      float[][] qkv,
      float[][] out,
      float[] gain2,
      float[] bias2,
      float[][] hiddenMap,
      float[][] finalMap) {}

  @Override
  public ExportedSequence.Session session() {
    return new Buffers();
  }

  private final class Buffers implements ExportedSequence.Session {
    private final CausalAttention head =
        new CausalAttention(Mode.INFERENCE, width, blocks.length > 1 ? maxLength : 1);

    /** [channel][position]. */
    private final float[][] x = new float[dim][maxLength];

    private final float[][] normed = new float[dim][maxLength];
    private final float[][] attended = new float[dim][maxLength];
    private final float[][] activated = new float[hidden][maxLength];
    private final float[][] keys = new float[width][maxLength];
    private final float[][] values = new float[width][maxLength];
    private final float[] means = new float[maxLength];
    private final float[] inverses = new float[maxLength];
    private final float[] row = new float[maxLength];

    /** Of the last position. */
    private final float[] current = new float[dim];

    private final float[] normedCurrent = new float[dim];
    private final float[] query = new float[dim];
    private final float[] attendedCurrent = new float[dim];
    private final float[] hiddenCurrent = new float[hidden];

    @Override
    public void last(float[] rows, int n, float[] target, int at) {
      float scale = (float) Math.sqrt(dim);
      for (int c = 0; c < dim; c++) {
        float[] channel = x[c];
        for (int i = 0; i < n; i++) {
          channel[i] = scale * rows[i * dim + c] + positions[c][i];
        }
      }
      for (int layer = 0; layer < blocks.length - 1; layer++) {
        everywhere(blocks[layer], n);
      }
      atEnd(blocks[blocks.length - 1], n);
      normalize(current, gain, bias, current);
      System.arraycopy(current, 0, target, at, dim);
    }

    private void everywhere(Block block, int n) {
      normalizeAll(block.gain1, block.bias1, n);
      for (int h = 0; h < heads; h++) {
        affine(normed, block.qkv, h * width, head.q, n);
        affine(normed, block.qkv, dim + h * width, head.k, n);
        affine(normed, block.qkv, 2 * dim + h * width, head.v, n);
        head.forward(n);
        for (int c = 0; c < width; c++) {
          System.arraycopy(head.out[c], 0, attended[h * width + c], 0, n);
        }
      }
      addAffine(attended, block.out, n);
      normalizeAll(block.gain2, block.bias2, n);
      affine(normed, block.hiddenMap, 0, activated, n);
      for (float[] channel : activated) {
        for (int i = 0; i < n; i++) {
          channel[i] = Math.max(0, channel[i]);
        }
      }
      addAffine(activated, block.finalMap, n);
    }

    /** The last block: keys and values everywhere, all else at the last position. */
    private void atEnd(Block block, int n) {
      for (int c = 0; c < dim; c++) {
        current[c] = x[c][n - 1];
      }
      normalizeAll(block.gain1, block.bias1, n);
      for (int c = 0; c < dim; c++) {
        normedCurrent[c] = normed[c][n - 1];
      }
      map(normedCurrent, block.qkv, query);
      for (int h = 0; h < heads; h++) {
        attend(block, h, n);
      }
      addMap(attendedCurrent, block.out, current);
      normalize(current, block.gain2, block.bias2, normedCurrent);
      map(normedCurrent, block.hiddenMap, hiddenCurrent);
      for (int c = 0; c < hidden; c++) {
        hiddenCurrent[c] = Math.max(0, hiddenCurrent[c]);
      }
      addMap(hiddenCurrent, block.finalMap, current);
    }

    private void attend(Block block, int h, int n) {
      affine(normed, block.qkv, dim + h * width, keys, n);
      affine(normed, block.qkv, 2 * dim + h * width, values, n);
      float scale = (float) (1 / Math.sqrt(width));
      Arrays.fill(row, 0, n, 0);
      for (int c = 0; c < width; c++) {
        Rows.add(row, keys[c], scale * query[h * width + c], 0, n);
      }
      float max = Float.NEGATIVE_INFINITY;
      for (int j = 0; j < n; j++) {
        max = Math.max(max, row[j]);
      }
      FastExp.exp(row, n, max);
      float inverse = 1 / Rows.sum(row, n);
      for (int c = 0; c < width; c++) {
        attendedCurrent[h * width + c] = inverse * Rows.dot(row, values[c], n);
      }
    }

    private void normalizeAll(float[] gains, float[] biases, int n) {
      Normalization.statistics(x, 0, dim, means, inverses, n);
      for (int c = 0; c < dim; c++) {
        System.arraycopy(x[c], 0, normed[c], 0, n);
        Normalization.normalize(normed[c], means, inverses, gains[c], biases[c], n);
      }
    }

    private void addAffine(float[][] in, float[][] map, int n) {
      for (int c = 0; c < dim; c++) {
        addBias(x[c], map[in.length][c], n);
        Rows.addColumn(x[c], in, map, c, in.length, 0, n);
      }
    }
  }

  /** out[c] ← map's column from + c applied to all positions. */
  private static void affine(float[][] in, float[][] map, int from, float[][] out, int n) {
    for (int c = 0; c < out.length; c++) {
      Arrays.fill(out[c], 0, n, map[in.length][from + c]);
      Rows.addColumn(out[c], in, map, from + c, in.length, 0, n);
    }
  }

  private static void map(float[] in, float[][] map, float[] out) {
    Arrays.fill(out, 0);
    addMap(in, map, out);
  }

  /** out += in · map, for as many columns as out has. */
  private static void addMap(float[] in, float[][] map, float[] out) {
    Rows.add(out, map[in.length], 1, 0, out.length);
    for (int c = 0; c < in.length; c++) {
      Rows.add(out, map[c], in[c], 0, out.length);
    }
  }

  private static void addBias(float[] y, float bias, int n) {
    for (int i = 0; i < n; i++) {
      y[i] += bias;
    }
  }

  private static void normalize(float[] x, float[] gain, float[] bias, float[] target) {
    double mean = 0;
    for (float value : x) {
      mean += value;
    }
    mean /= x.length;
    double squares = 0;
    for (float value : x) {
      squares += (value - mean) * (value - mean);
    }
    double inverse = 1 / Math.sqrt(squares / x.length + Normalization.EPSILON);
    for (int c = 0; c < x.length; c++) {
      target[c] = (float) ((x[c] - mean) * inverse) * gain[c] + bias[c];
    }
  }
}
