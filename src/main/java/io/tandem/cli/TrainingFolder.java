package io.tandem.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import io.tandem.artifact.Store;
import io.tandem.training.EpochResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What training leaves beside the versions of a store: checkpoints and the course of its epochs.
 */
final class TrainingFolder {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private TrainingFolder() {}

  /** Where checkpoints lie. */
  static Path of(Store store) {
    return store.folder().resolve("training");
  }

  static void writeHistory(Store store, List<EpochResult> epochs) {
    try {
      MAPPER.writeValue(history(store).toFile(), epochs);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + history(store), e);
    }
  }

  /** Epochs of the last training; empty where there is none. */
  static List<EpochResult> readHistory(Store store) {
    if (!Files.exists(history(store))) {
      return List.of();
    }
    try {
      return List.of(MAPPER.readValue(history(store).toFile(), EpochResult[].class));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + history(store), e);
    }
  }

  static void delete(Path folder) {
    try {
      MoreFiles.deleteRecursively(folder, RecursiveDeleteOption.ALLOW_INSECURE);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + folder, e);
    }
  }

  private static Path history(Store store) {
    return store.folder().resolve("epochs.json");
  }
}
