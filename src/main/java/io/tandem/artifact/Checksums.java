package io.tandem.artifact;

import io.tandem.artifact.Manifest.FileInfo;
import io.tandem.data.DataException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** SHA-256 of files; several files are read at once where that keeps nobody waiting. */
final class Checksums {
  private static final int BUFFER = 1 << 20;

  private Checksums() {}

  static String of(byte[] bytes) {
    return HexFormat.of().formatHex(sha256().digest(bytes));
  }

  static FileInfo of(Path file) throws IOException {
    MessageDigest digest = sha256();
    byte[] buffer = new byte[BUFFER];
    long size = 0;
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
        size += read;
      }
    }
    return new FileInfo(size, HexFormat.of().formatHex(digest.digest()));
  }

  /** All files under a folder by their path in it, with {@code /} between folders. */
  static SortedMap<String, FileInfo> ofFolder(Path folder) throws IOException {
    List<Path> files = files(folder);
    SortedMap<String, FileInfo> infos = new TreeMap<>();
    try {
      List<FileInfo> found = files.parallelStream().map(Checksums::unchecked).toList();
      for (int i = 0; i < files.size(); i++) {
        infos.put(name(folder, files.get(i)), found.get(i));
      }
    } catch (UncheckedIOException e) {
      throw Objects.requireNonNull(e.getCause());
    }
    return infos;
  }

  /** Who reads files. */
  enum Threads {
    /** The common pool: all cores. */
    ALL,
    /** The calling thread, beside others that have work to do. */
    ONE
  }

  /**
   * What is wrong with the files of a folder: one line for each, in order of their names.
   *
   * @throws java.util.concurrent.CancellationException if the thread is interrupted
   */
  static List<String> problems(Path folder, Map<String, FileInfo> expected, Threads threads) {
    List<String> problems = new ArrayList<>();
    List<Map.Entry<String, FileInfo>> entries = new ArrayList<>(expected.entrySet());
    (threads == Threads.ALL ? entries.parallelStream() : entries.stream())
        .map(entry -> problem(folder.resolve(entry.getKey()), entry.getValue()))
        .forEachOrdered(problem -> addTo(problems, problem));
    return problems;
  }

  static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      return paths.filter(Files::isRegularFile).sorted().toList();
    }
  }

  static String name(Path folder, Path file) {
    return folder.relativize(file).toString().replace('\\', '/');
  }

  /** One hash over the names and hashes of the files in a folder of a version. */
  static String ofPart(String part, SortedMap<String, FileInfo> files) {
    StringBuilder text = new StringBuilder();
    files
        .subMap(part + "/", part + "0")
        .forEach((name, info) -> text.append(info.sha256()).append(' ').append(name).append('\n'));
    return of(text.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static void addTo(List<String> problems, String problem) {
    if (!problem.isEmpty()) {
      problems.add(problem);
    }
  }

  /** Empty when the file is as expected. The size is looked at first, for it costs nothing. */
  private static String problem(Path file, FileInfo expected) {
    try {
      if (!Files.isRegularFile(file)) {
        return file + ": expected a file of " + expected.size() + " bytes, found none";
      }
      long size = Files.size(file);
      if (size != expected.size()) {
        return file + ": expected " + expected.size() + " bytes, found " + size;
      }
      FileInfo found = of(file);
      return found.sha256().equals(expected.sha256())
          ? ""
          : file + ": expected SHA-256 " + expected.sha256() + ", found " + found.sha256();
    } catch (IOException e) {
      RuntimeException failure = DataException.unreadable(file, e);
      if (failure instanceof DataException) {
        return Objects.requireNonNull(failure.getMessage());
      }
      throw failure;
    }
  }

  private static FileInfo unchecked(Path file) {
    try {
      return of(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
