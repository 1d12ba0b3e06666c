package io.tandem.experiment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Trials that are over, a line of JSON each; a line that was written survives a loss of power. */
final class TrialLog {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final List<Trial> trials = new ArrayList<>();

  /** Reads what is there; a line cut short by a crash does not count. */
  TrialLog(Path file) {
    this.file = file;
    if (!Files.exists(file)) {
      return;
    }
    try {
      for (String line : Files.readAllLines(file)) {
        try {
          trials.add(JSON.readValue(line, Trial.class));
        } catch (JsonProcessingException cutShort) {
          // Its trial will be run again.
        }
      }
    } catch (IOException e) {
      throw failure("cannot read", e);
    }
  }

  /** A training that is over already. */
  Optional<Trial> find(String run, int epochs) {
    return trials.stream()
        .filter(trial -> trial.run().equals(run) && trial.epochs() == epochs)
        .findFirst();
  }

  void append(Trial trial) {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      // On a line of its own, whatever a crash left at the end of the file.
      String line = (channel.size() > 0 ? "\n" : "") + JSON.writeValueAsString(trial);
      ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    } catch (IOException e) {
      throw failure("cannot write", e);
    }
    trials.add(trial);
  }

  private UncheckedIOException failure(String what, IOException cause) {
    return new UncheckedIOException("%s %s: %s".formatted(what, file, cause.getMessage()), cause);
  }
}
