package io.tandem.tower;

import io.tandem.config.ModelConfig.Activation;
import io.tandem.data.DataException;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/**
 * A network's layers as plain numbers: layer l maps [dims[l]] to [dims[l + 1]].
 *
 * <p>File, big-endian: magic, layers, dims [layers + 1], activation's ordinal (byte), whether
 * outputs are normalized (byte), then for each layer its matrix [in, out] row-major and its bias
 * [out].
 *
 * @param matrices by layer, [in × out] row-major
 * @param biases by layer, [out]
 */
record Weights(
    int[] dims, float[][] matrices, float[][] biases, Activation activation, boolean normalize) {
  private static final long MAGIC = 0x54_4e_44_4d_57_54_53_31L; // TNDMWTS1
  private static final int MAX_WIDTH = 1 << 20;

  static Weights of(MultiLayerNetwork network, TowerShape shape) {
    int layers = network.getnLayers();
    int[] dims = new int[layers + 1];
    float[][] matrices = new float[layers][];
    float[][] biases = new float[layers][];
    for (int layer = 0; layer < layers; layer++) {
      var matrix = network.getParam(layer + "_W");
      dims[layer] = (int) matrix.size(0);
      dims[layer + 1] = (int) matrix.size(1);
      matrices[layer] = matrix.dup('c').data().asFloat();
      biases[layer] = network.getParam(layer + "_b").dup('c').data().asFloat();
    }
    return new Weights(dims, matrices, biases, shape.activation(), shape.normalize());
  }

  void write(Path file) throws IOException {
    try (DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
      out.writeLong(MAGIC);
      out.writeInt(matrices.length);
      for (int dim : dims) {
        out.writeInt(dim);
      }
      out.writeUTF(activation.name());
      out.writeByte(normalize ? 1 : 0);
      for (int layer = 0; layer < matrices.length; layer++) {
        write(out, matrices[layer]);
        write(out, biases[layer]);
      }
    }
  }

  /** Reads a file of exactly the announced size. */
  static Weights read(Path file, int inputWidth) {
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      long size = Files.size(file);
      if (size < 14 || in.readLong() != MAGIC) {
        throw new DataException(file + ": not a tower's weights");
      }
      int layers = in.readInt();
      if (layers < 1 || layers > 1000 || size < 14 + 4L * (layers + 1)) {
        throw new DataException("%s: impossible number of layers %d".formatted(file, layers));
      }
      int[] dims = new int[layers + 1];
      long expected = 8 + 4 + 4L * dims.length;
      for (int i = 0; i < dims.length; i++) {
        dims[i] = in.readInt();
        if (dims[i] < 1 || dims[i] > MAX_WIDTH) {
          throw new DataException("%s: impossible width %d".formatted(file, dims[i]));
        }
        expected += i == 0 ? 0 : 4L * dims[i] * (dims[i - 1] + 1L);
      }
      String name = in.readUTF();
      expected += 2 + name.length() + 1;
      if (size != expected) {
        throw new DataException("%s: %d bytes, expected %d".formatted(file, size, expected));
      }
      if (dims[0] != inputWidth) {
        throw new DataException(
            "%s: takes %d inputs, expected %d by its features"
                .formatted(file, dims[0], inputWidth));
      }
      boolean normalize = in.readByte() != 0;
      float[][] matrices = new float[layers][];
      float[][] biases = new float[layers][];
      for (int layer = 0; layer < layers; layer++) {
        matrices[layer] = read(in, dims[layer] * dims[layer + 1]);
        biases[layer] = read(in, dims[layer + 1]);
      }
      return new Weights(dims, matrices, biases, activation(file, name), normalize);
    } catch (IOException e) {
      throw new DataException(file + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static Activation activation(Path file, String name) {
    for (Activation activation : Activation.values()) {
      if (activation.name().equals(name)) {
        return activation;
      }
    }
    throw new DataException("%s: unknown activation '%s'".formatted(file, name));
  }

  private static void write(DataOutputStream out, float[] values) throws IOException {
    for (float value : values) {
      out.writeFloat(value);
    }
  }

  private static float[] read(DataInputStream in, int count) throws IOException {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = in.readFloat();
    }
    return values;
  }
}
