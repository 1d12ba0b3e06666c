package io.tandem.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.tandem.baseline.ImplicitAls;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** The last sweep of an ALS training, in one file that is replaced by renaming. */
final class AlsCheckpoint {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path folder;
  private final String fingerprint;

  /**
   * @param fingerprint of the specification and the data
   */
  AlsCheckpoint(Path folder, String fingerprint) {
    this.folder = folder;
    this.fingerprint = fingerprint;
  }

  static Path file(Path folder) {
    return folder.resolve("als.state");
  }

  void write(ImplicitAls.State state, List<EpochResult> sweeps) {
    Path file = file(folder);
    Path partial = folder.resolve("als.partial");
    try {
      Files.createDirectories(folder);
      try (DataOutputStream out =
          new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(partial), 1 << 16))) {
        out.writeUTF(fingerprint);
        byte[] history = JSON.writeValueAsString(sweeps).getBytes(StandardCharsets.UTF_8);
        out.writeInt(history.length);
        out.write(history);
        out.writeInt(state.sweep());
        write(out, state.queries());
        write(out, state.items());
      }
      Files.move(
          partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new TrainingException("cannot write " + file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Reads what was written.
   *
   * @param sweeps receives those that were done
   * @param like of the shape that is expected
   */
  ImplicitAls.State read(List<EpochResult> sweeps, ImplicitAls.State like) {
    Path file = file(folder);
    if (!Files.exists(file)) {
      throw new TrainingException("there is no checkpoint to resume from; train without it", null);
    }
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 16))) {
      if (!in.readUTF().equals(fingerprint)) {
        throw new TrainingException(
            "the checkpoint belongs to another specification or other data", null);
      }
      int length = in.readInt();
      if (length < 0 || length > Files.size(file)) {
        throw new TrainingException(file + ": damaged", null);
      }
      sweeps.addAll(List.of(JSON.readValue(in.readNBytes(length), EpochResult[].class)));
      int sweep = in.readInt();
      float[] queries = read(in, like.queries().length);
      float[] items = read(in, like.items().length);
      return new ImplicitAls.State(sweep, like.dim(), queries, items);
    } catch (IOException e) {
      throw new TrainingException("cannot read " + file + ": " + e.getMessage(), e);
    }
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
