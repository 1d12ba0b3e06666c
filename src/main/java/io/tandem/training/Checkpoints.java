package io.tandem.training;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import io.tandem.tower.TowerModel;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Checkpoints of one training: a folder {@code step-N} each, whole before a pointer file names it.
 * The pointers {@code LAST} and {@code BEST} are replaced by atomic renames; what neither names is
 * deleted.
 */
final class Checkpoints {
  static final String LAST = "LAST";
  static final String BEST = "BEST";
  private static final String STATE = "state.json";
  private static final String STEP = "step";
  private static final String MODEL = "model";
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private final Path folder;

  /**
   * Where a training stands.
   *
   * @param fingerprint of the specification and the data
   * @param epoch from 1: the epoch that the next step belongs to
   * @param stepInEpoch steps of that epoch that are done
   * @param lossSum of those steps
   * @param seconds spent on them
   * @param bestEpoch 0 where none was validated
   */
  record State(
      String fingerprint,
      int epoch,
      int stepInEpoch,
      long steps,
      double lossSum,
      double seconds,
      int bestEpoch,
      double bestMetric,
      Temperature.State temperature,
      List<EpochResult> epochs) {}

  Checkpoints(Path folder) {
    this.folder = folder;
  }

  /** Deletes what an earlier training left. */
  void clear() {
    try {
      Files.createDirectories(folder);
      deleteUnless(Set.of());
    } catch (IOException e) {
      throw failure("cannot clear", e);
    }
  }

  boolean has(String pointer) {
    return Files.exists(folder.resolve(pointer));
  }

  void write(String pointer, State state, TowerModel model, TrainingStep step) {
    String name = "step-" + state.steps();
    Path whole = folder.resolve(name);
    try {
      if (!Files.exists(whole)) {
        Path partial = folder.resolve("partial");
        delete(partial);
        Files.createDirectories(partial.resolve(MODEL));
        model.writeCheckpoint(partial.resolve(MODEL));
        try (DataOutputStream out =
            new DataOutputStream(
                new BufferedOutputStream(Files.newOutputStream(partial.resolve(STEP))))) {
          step.write(out);
        }
        JSON.writeValue(partial.resolve(STATE).toFile(), state);
        Files.move(partial, whole, StandardCopyOption.ATOMIC_MOVE);
      }
      Path pointerFile = folder.resolve(pointer + ".new");
      Files.writeString(pointerFile, name);
      Files.move(pointerFile, folder.resolve(pointer), StandardCopyOption.ATOMIC_MOVE);
      Set<String> named = new HashSet<>();
      for (String kept : List.of(LAST, BEST)) {
        if (has(kept)) {
          named.add(kept);
          named.add(Files.readString(folder.resolve(kept)));
        }
      }
      deleteUnless(named);
    } catch (IOException | UncheckedIOException e) {
      throw failure("cannot write a checkpoint to", e);
    }
  }

  State readState(String pointer) {
    try {
      return JSON.readValue(target(pointer).resolve(STATE).toFile(), State.class);
    } catch (IOException e) {
      throw failure("cannot read a checkpoint from", e);
    }
  }

  void readModel(String pointer, TowerModel model) {
    try {
      model.readCheckpoint(target(pointer).resolve(MODEL));
    } catch (IOException | UncheckedIOException e) {
      throw failure("cannot read a checkpoint from", e);
    }
  }

  void readStep(String pointer, TrainingStep step) {
    try {
      Path file = target(pointer).resolve(STEP);
      try (DataInputStream in =
          new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
        step.read(in);
      }
    } catch (IOException e) {
      throw failure("cannot read a checkpoint from", e);
    }
  }

  private Path target(String pointer) throws IOException {
    return folder.resolve(Files.readString(folder.resolve(pointer)));
  }

  private void deleteUnless(Set<String> kept) throws IOException {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        if (!kept.contains(String.valueOf(entry.getFileName()))) {
          delete(entry);
        }
      }
    }
  }

  private static void delete(Path path) throws IOException {
    if (Files.exists(path)) {
      MoreFiles.deleteRecursively(path, RecursiveDeleteOption.ALLOW_INSECURE);
    }
  }

  private TrainingException failure(String what, Exception cause) {
    return new TrainingException("%s %s: %s".formatted(what, folder, cause.getMessage()), cause);
  }
}
