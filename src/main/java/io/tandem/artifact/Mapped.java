package io.tandem.artifact;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Files as memory, little-endian; the system loads what is looked at. */
final class Mapped {
  private Mapped() {}

  /**
   * Maps a file.
   *
   * @throws ArtifactException if the file cannot be mapped or has 2 GiB or more
   */
  static ByteBuffer open(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size > Integer.MAX_VALUE) {
        throw ArtifactException.of(file, "less than 2 GiB", size + " bytes");
      }
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, size).order(ByteOrder.LITTLE_ENDIAN);
    } catch (IOException e) {
      throw ArtifactException.of("cannot map " + file, e);
    }
  }
}
