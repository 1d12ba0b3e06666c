package io.tandem.artifact;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The steps of changing a store that can fail half way; tests make them fail. */
public interface Disk {
  /** The file system as it is. */
  Disk REAL = new Disk() {};

  /** A new file; buffered. */
  default OutputStream create(Path file) throws IOException {
    return new BufferedOutputStream(
        Files.newOutputStream(file, StandardOpenOption.CREATE_NEW), 1 << 16);
  }

  /** Is told before code that writes by itself, such as FAISS, begins with a file or folder. */
  default void begin(Path file) throws IOException {}

  /** A folder and those above it, where they are missing. */
  default void createFolder(Path folder) throws IOException {
    Files.createDirectories(folder);
  }

  /** The folder that a file is to be in, where it is missing. */
  default void createFolderOf(Path file) throws IOException {
    Path folder = file.getParent();
    if (folder != null && !Files.isDirectory(folder)) {
      createFolder(folder);
    }
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

  /** Deletes a file, or an empty folder, where it is there. */
  default void delete(Path path) throws IOException {
    Files.deleteIfExists(path);
  }

  /** Deletes a folder and everything in it, where it is there. */
  default void deleteAll(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(folder)) {
      paths = walk.sorted(Comparator.reverseOrder()).toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    for (Path path : paths) {
      delete(path);
    }
  }
}
