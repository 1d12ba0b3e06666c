package io.tandem.spark;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import java.io.IOException;
import java.io.OutputStream;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkFiles;

/**
 * Where executors find one version of a model: what a task carries instead of the model itself.
 * They use this version to the end, whatever is published meanwhile.
 *
 * @param id of the version
 * @param shared its folder, which every machine sees at the same path; empty where its files are
 *     sent along with the job
 */
public record VersionFiles(String id, String shared) implements Serializable {

  /** A version in a store that every machine sees at the same path. */
  public static VersionFiles shared(Version version) {
    return new VersionFiles(version.id(), version.folder().toAbsolutePath().toString());
  }

  /** Sends the files of a version to every executor, once. */
  public static VersionFiles send(Version version, SparkContext spark) {
    try {
      Path folder = Files.createTempDirectory("tandem-send");
      folder.toFile().deleteOnExit();
      Path archive = folder.resolve(version.id() + ".zip");
      archive.toFile().deleteOnExit();
      zip(version.folder(), archive);
      // Spark unpacks it into a folder of the name behind the hash sign.
      spark.addArchive(archive.toUri() + "#" + version.id());
      return new VersionFiles(version.id(), "");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot send version " + version.id(), e);
    }
  }

  /** The version on this machine; its manifest is verified. */
  Version version() {
    try {
      return Store.open(store()).version(id);
    } catch (ArtifactException e) {
      throw new ArtifactException(
          "version %s on an executor: %s; expected %s"
              .formatted(
                  id,
                  e.getMessage(),
                  shared.isEmpty()
                      ? "the files that the job sent"
                      : "the store at the same path on every machine, or --send"),
          e);
    }
  }

  /** A store of nothing but this version, as its current one, in a temporary folder. */
  Path store() {
    Path folder = shared.isEmpty() ? Path.of(SparkFiles.get(id)) : Path.of(shared);
    if (!Files.isDirectory(folder)) {
      throw new ArtifactException(
          "%s: expected the files of version %s on this machine, found no such folder"
              .formatted(folder, id));
    }
    try {
      Path store = Files.createTempDirectory("tandem-executor");
      Path versions = Files.createDirectory(store.resolve("versions"));
      Path link = Files.createSymbolicLink(versions.resolve(id), folder.toRealPath());
      Path current = Files.writeString(store.resolve("CURRENT"), id + "\n");
      // Deleted in the opposite order.
      for (Path made : List.of(store, versions, link, current)) {
        made.toFile().deleteOnExit();
      }
      return store;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot prepare version " + id + " on this machine", e);
    }
  }

  private static void zip(Path folder, Path archive) throws IOException {
    List<Path> files;
    try (Stream<Path> walk = Files.walk(folder)) {
      files = walk.filter(Files::isRegularFile).sorted().toList();
    }
    try (OutputStream out = Files.newOutputStream(archive);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      // Vectors and weights hardly shrink.
      zip.setLevel(Deflater.BEST_SPEED);
      for (Path file : files) {
        zip.putNextEntry(new ZipEntry(folder.relativize(file).toString().replace('\\', '/')));
        Files.copy(file, zip);
        zip.closeEntry();
      }
    }
  }
}
