package io.tandem.tower;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDateTime;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/** Deeplearning4j's files of networks, which would tell when they were written. */
final class Zips {
  /** 1980, where the time of a zip begins. */
  private static final LocalDateTime BEGINNING = LocalDateTime.of(1980, 1, 1, 0, 0);

  private Zips() {}

  /** Writes every zip in a folder anew, without times, so that equal networks are equal files. */
  static void forgetTimes(Path folder) throws IOException {
    try (DirectoryStream<Path> zips = Files.newDirectoryStream(folder, "*.zip")) {
      for (Path zip : zips) {
        Path next = zip.resolveSibling(zip.getFileName() + ".next");
        copy(zip, next);
        Files.move(next, zip, StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (InputStream bytes = Files.newInputStream(from);
        ZipInputStream in = new ZipInputStream(bytes);
        ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(to))) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        ZipEntry timeless = new ZipEntry(entry.getName());
        timeless.setTimeLocal(BEGINNING);
        out.putNextEntry(timeless);
        in.transferTo(out);
        out.closeEntry();
      }
    }
  }
}
