package io.tandem.artifact;

import io.tandem.artifact.Manifest.FileInfo;
import io.tandem.artifact.Manifest.IndexInfo;
import io.tandem.filter.FilterColumns;
import io.tandem.index.BuiltIndex;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A version being written, in a folder of its own that no reader looks at. {@link #publish} gives
 * it its name and makes it current; closing it without removes every trace.
 *
 * <p>Holds the store's lock. Not thread-safe.
 */
public final class VersionWriter implements AutoCloseable {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmssSSS'Z'").withZone(ZoneOffset.UTC);

  private final Store store;
  private final Disk disk;
  private final Clock clock;
  private final WriteLock lock;
  private final Path folder;
  private boolean published;

  private VersionWriter(Store store, Disk disk, Clock clock, WriteLock lock, Path folder) {
    this.store = store;
    this.disk = disk;
    this.clock = clock;
    this.lock = lock;
    this.folder = folder;
  }

  static VersionWriter begin(Store store, Disk disk, Clock clock) {
    WriteLock lock = WriteLock.take(store.folder());
    try {
      removeLeftovers(store.versionsFolder());
      Path folder =
          Files.createDirectory(
              store.versionsFolder().resolve(Store.WRITING + ProcessHandle.current().pid()));
      return new VersionWriter(store, disk, clock, lock, folder);
    } catch (IOException e) {
      try {
        lock.close();
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw ArtifactException.of("cannot write to store " + store.folder(), e);
    }
  }

  /** Path to write a file of the version at; its folder is made. */
  Path path(String name) throws IOException {
    Path path = folder.resolve(name);
    Files.createDirectories(path.getParent());
    return path;
  }

  /** A folder of the version, made empty. */
  Path newFolder(String name) throws IOException {
    return Files.createDirectories(folder.resolve(name));
  }

  /** A new file of the version. */
  OutputStream create(String name) throws IOException {
    return disk.create(path(name));
  }

  /** A folder of the version, for filter columns. */
  FilterColumns.Target part(String name) {
    return new FilterColumns.Target() {
      @Override
      public Path path(String file) throws IOException {
        return VersionWriter.this.path(name + "/" + file);
      }

      @Override
      public OutputStream create(String file) throws IOException {
        return VersionWriter.this.create(name + "/" + file);
      }
    };
  }

  /** Copies a file into the version. */
  void copy(Path from, String name) throws IOException {
    disk.copy(from, path(name));
  }

  /** Copies everything under a folder into the version. */
  void copyFolder(Path from, String name) throws IOException {
    newFolder(name);
    for (Path file : Checksums.files(from)) {
      copy(file, name + "/" + Checksums.name(from, file));
    }
  }

  /**
   * What the manifest says beside what is found while publishing.
   *
   * @param index may be closed by now
   * @param itemsAsOf when the items were read; null where that is not known
   */
  record Facts(
      String spec,
      String model,
      String queryKey,
      String itemKey,
      List<String> attributes,
      BuiltIndex index,
      int items,
      int dimension,
      Map<String, Double> metrics,
      @Nullable Instant itemsAsOf) {}

  /** Writes the manifest, makes every byte durable, and makes the version current. */
  Version publish(Facts facts) throws IOException {
    SortedMap<String, FileInfo> files = Checksums.ofFolder(folder);
    Instant created = created();
    Manifest manifest =
        new Manifest(
            Manifest.FORMAT,
            created.toString(),
            facts.itemsAsOf() == null ? null : facts.itemsAsOf().toString(),
            store.currentId().orElse(null),
            facts.spec(),
            facts.model(),
            facts.items(),
            facts.dimension(),
            facts.queryKey(),
            facts.itemKey(),
            facts.attributes(),
            new IndexInfo(
                facts.index().type(),
                facts.index().parameters(),
                facts.index().recall(),
                facts.index().recallAt(),
                Checksums.ofPart(Version.TOWERS, files)),
            facts.metrics(),
            files);
    byte[] json = manifest.toJson();
    try (OutputStream out = create(Version.MANIFEST)) {
      out.write(json);
    }
    forceAll();
    String id = TIME.format(created) + "-" + Checksums.of(json).substring(0, Version.HASH_DIGITS);
    Path named = store.versionsFolder().resolve(id);
    disk.move(folder, named);
    try {
      disk.force(store.versionsFolder());
      store.replaceCurrent(id, lock);
    } catch (IOException e) {
      if (!store.currentId().equals(Optional.of(id))) {
        remove(named);
      }
      throw e;
    }
    published = true;
    return Version.read(named);
  }

  /** Removes what was written, unless it was published, and lets the next writer in. */
  @Override
  public void close() {
    try (lock) {
      if (!published) {
        remove(folder);
      }
    } catch (IOException e) {
      throw ArtifactException.of("cannot remove " + folder, e);
    }
  }

  /** Now, but always after the newest version, so that ids are in the order of publishing. */
  private Instant created() {
    Instant now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
    List<String> versions = store.versions();
    if (versions.isEmpty()) {
      return now;
    }
    String newest = versions.get(versions.size() - 1);
    Instant before =
        LocalDateTime.parse(newest.substring(0, newest.indexOf('-')), TIME)
            .toInstant(ZoneOffset.UTC);
    return now.isAfter(before) ? now : before.plusMillis(1);
  }

  private void forceAll() throws IOException {
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(folder)) {
      paths = walk.toList();
    }
    for (Path path : paths) {
      disk.force(path);
    }
  }

  private static void removeLeftovers(Path versions) throws IOException {
    List<Path> leftovers;
    try (Stream<Path> paths = Files.list(versions)) {
      leftovers =
          paths.filter(path -> path.getFileName().toString().startsWith(Store.WRITING)).toList();
    }
    for (Path leftover : leftovers) {
      remove(leftover);
    }
  }

  private static void remove(Path folder) throws IOException {
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
      Files.delete(path);
    }
  }
}
