package io.tandem.tower;

import io.tandem.config.ModelConfig.Activation;
import io.tandem.config.ModelConfig.Combine;
import io.tandem.data.DataException;
import io.tandem.feature.InputSchema;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.jspecify.annotations.Nullable;

/**
 * A network's layers as plain numbers: layer l maps [dims[l]] to [dims[l + 1]].
 *
 * <p>File, big-endian: magic, layers (0 where the input is the output), dims [layers + 1], names of
 * the way slots are combined and of the activation, whether outputs are normalized (byte), then for
 * each layer its matrix [in, out] row-major and its bias [out].
 *
 * @param matrices by layer, [in × out] row-major
 * @param biases by layer, [out]
 */
record Weights(
    int[] dims,
    float[][] matrices,
    float[][] biases,
    Combine combine,
    Activation activation,
    boolean normalize) {
  private static final long MAGIC = 0x54_4e_44_4d_57_54_53_32L; // TNDMWTS2
  private static final int MAX_WIDTH = 1 << 20;

  static Weights of(@Nullable MultiLayerNetwork network, TowerShape shape) {
    int layers = network == null ? 0 : network.getnLayers();
    int[] dims = new int[layers + 1];
    dims[0] = shape.inputWidth();
    float[][] matrices = new float[layers][];
    float[][] biases = new float[layers][];
    for (int layer = 0; network != null && layer < layers; layer++) {
      var matrix = network.getParam(layer + "_W");
      dims[layer + 1] = (int) matrix.size(1);
      matrices[layer] = matrix.dup('c').data().asFloat();
      biases[layer] = network.getParam(layer + "_b").dup('c').data().asFloat();
    }
    return new Weights(
        dims, matrices, biases, shape.combine(), shape.activation(), shape.normalize());
  }

  /**
   * The shape of the tower over a given input.
   *
   * @throws DataException if these are not weights for such an input
   */
  TowerShape shape(Path file, InputSchema input) {
    List<Integer> hidden = new ArrayList<>();
    for (int layer = 1; layer < dims.length - 1; layer++) {
      hidden.add(dims[layer]);
    }
    TowerShape shape;
    try {
      shape =
          new TowerShape(
              input, combine, hidden, dims[dims.length - 1], activation, 0, 0, normalize);
    } catch (IllegalArgumentException e) {
      throw new DataException(file + ": " + e.getMessage(), e);
    }
    if (dims[0] != shape.inputWidth()) {
      throw new DataException(
          "%s: takes %d inputs, expected %d by its features"
              .formatted(file, dims[0], shape.inputWidth()));
    }
    return shape;
  }

  void write(Path file) throws IOException {
    try (DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
      out.writeLong(MAGIC);
      out.writeInt(matrices.length);
      for (int dim : dims) {
        out.writeInt(dim);
      }
      out.writeUTF(combine.name());
      out.writeUTF(activation.name());
      out.writeByte(normalize ? 1 : 0);
      for (int layer = 0; layer < matrices.length; layer++) {
        write(out, matrices[layer]);
        write(out, biases[layer]);
      }
    }
  }

  /** Reads a file of exactly the announced size. */
  static Weights read(Path file) {
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      long size = Files.size(file);
      if (size < 14 || in.readLong() != MAGIC) {
        throw new DataException(file + ": not a tower's weights");
      }
      int layers = in.readInt();
      if (layers < 0 || layers > 1000 || size < 14 + 4L * (layers + 1)) {
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
      String combine = in.readUTF();
      String activation = in.readUTF();
      expected += 2 + combine.length() + 2 + activation.length() + 1;
      if (size != expected) {
        throw new DataException("%s: %d bytes, expected %d".formatted(file, size, expected));
      }
      boolean normalize = in.readByte() != 0;
      float[][] matrices = new float[layers][];
      float[][] biases = new float[layers][];
      for (int layer = 0; layer < layers; layer++) {
        matrices[layer] = read(in, dims[layer] * dims[layer + 1]);
        biases[layer] = read(in, dims[layer + 1]);
      }
      return new Weights(
          dims,
          matrices,
          biases,
          constant(file, Combine.values(), combine),
          constant(file, Activation.values(), activation),
          normalize);
    } catch (IOException e) {
      throw DataException.unreadable(file, e);
    }
  }

  private static <E extends Enum<E>> E constant(Path file, E[] constants, String name) {
    for (E constant : constants) {
      if (constant.name().equals(name)) {
        return constant;
      }
    }
    throw new DataException(
        "%s: expected one of %s, found '%s'".formatted(file, Arrays.toString(constants), name));
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
