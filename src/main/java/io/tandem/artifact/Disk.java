package io.tandem.artifact;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** The steps of writing a version that can fail half way; tests make them fail. */
interface Disk {
  /** The file system as it is. */
  Disk REAL = new Disk() {};

  /** A new file; buffered. */
  default OutputStream create(Path file) throws IOException {
    return new BufferedOutputStream(
        Files.newOutputStream(file, StandardOpenOption.CREATE_NEW), 1 << 16);
  }

  /** Copies a file's bytes into a new one. */
  default void copy(Path from, Path to) throws IOException {
    Files.copy(from, to);
  }

  /** Returns once the file's bytes, or the folder's names, would survive a loss of power. */
  default void force(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** Renames, replacing what is there, in one step. */
  default void move(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
  }
}
