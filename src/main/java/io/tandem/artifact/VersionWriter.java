package io.tandem.artifact;

import io.tandem.artifact.Manifest.FileInfo;
import io.tandem.artifact.Manifest.IndexInfo;
import io.tandem.filter.FilterColumns;
import io.tandem.index.BuiltIndex;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A version being written, in a folder of its own that no reader looks at. {@link #publish} gives
 * it its name and makes it current, {@link #setAside} keeps it elsewhere; closing it without either
 * removes every trace.
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
    WriteLock lock;
    try {
      lock = WriteLock.take(store.folder(), disk);
    } catch (IOException e) {
      throw ArtifactException.of("cannot write to store " + store.folder(), e);
    }
    try {
      removeLeftovers(store.versionsFolder(), disk);
      Path folder = store.versionsFolder().resolve(Store.WRITING + ProcessHandle.current().pid());
      disk.createFolder(folder);
      return new VersionWriter(store, disk, clock, lock, folder);
    } catch (IOException e) {
      try (lock) {
        throw e;
      } catch (IOException failed) {
        throw ArtifactException.of("cannot write to store " + store.folder(), failed);
      }
    } catch (RuntimeException | Error e) {
      try (lock) {
        throw e;
      } catch (IOException free) {
        throw ArtifactException.of("cannot free the lock of store " + store.folder(), free);
      }
    }
  }

  /** Path for other code to write a file of the version at; its folder is made. */
  Path path(String name) throws IOException {
    Path path = place(name);
    disk.begin(path);
    return path;
  }

  /** A folder of the version, made empty, for other code to write files in. */
  Path newFolder(String name) throws IOException {
    Path path = folder.resolve(name);
    disk.createFolder(path);
    disk.begin(path);
    return path;
  }

  /** A new file of the version. */
  OutputStream create(String name) throws IOException {
    return disk.create(place(name));
  }

  private Path place(String name) throws IOException {
    Path path = folder.resolve(name);
    disk.createFolderOf(path);
    return path;
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
    disk.copy(from, place(name));
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

  /**
   * What was written, as a version that can be opened before it is published: everything but its id
   * and when it was made is as it will be.
   */
  Version draft(Facts facts) throws IOException {
    SortedMap<String, FileInfo> files = Checksums.ofFolder(folder);
    Manifest manifest =
        new Manifest(
            Manifest.FORMAT,
            created().toString(),
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
            null,
            List.of(),
            files);
    return new Version("draft", folder, manifest);
  }

  /** Writes a draft's manifest, makes every byte durable, and makes the version current. */
  Version publish(Version draft) throws IOException {
    String id = finish(draft);
    Path named = store.versionsFolder().resolve(id);
    Path marker = store.folder().resolve(Store.PUBLISHING);
    try {
      disk.delete(marker);
      try (OutputStream out = disk.create(marker)) {
        out.write((id + "\n").getBytes(StandardCharsets.ISO_8859_1));
      }
      disk.force(marker);
      hold(id);
      disk.move(folder, named);
      disk.force(store.versionsFolder());
      store.replaceCurrent(id, lock);
    } catch (IOException e) {
      if (!store.currentId().equals(Optional.of(id))) {
        disk.deleteAll(named);
        disk.delete(marker);
      }
      throw e;
    }
    published = true;
    disk.delete(marker);
    return Version.read(named);
  }

  /** Makes a draft a candidate: whole, but not one of the versions. */
  Version setAside(Version draft) throws IOException {
    String id = finish(draft);
    Path named = store.candidatesFolder().resolve(id);
    disk.createFolder(store.candidatesFolder());
    disk.move(folder, named);
    published = true;
    disk.force(store.candidatesFolder());
    return Version.read(named);
  }

  /** Where readers that may not write can say that they use the version. */
  private void hold(String id) throws IOException {
    Path file = Hold.file(store.folder(), id);
    disk.createFolderOf(file);
    disk.delete(file);
    disk.create(file).close();
  }

  /** Gives the id that the written manifest makes. */
  private String finish(Version draft) throws IOException {
    byte[] json = draft.manifest().toJson();
    try (OutputStream out = create(Version.MANIFEST)) {
      out.write(json);
    }
    forceAll();
    return TIME.format(Instant.parse(draft.manifest().created()))
        + "-"
        + Checksums.of(json).substring(0, Version.HASH_DIGITS);
  }

  /** Removes what was written, unless it was published, and lets the next writer in. */
  @Override
  public void close() {
    try (lock) {
      if (!published) {
        disk.deleteAll(folder);
      }
    } catch (IOException e) {
      throw ArtifactException.of("cannot remove " + folder, e);
    }
  }

  /** Now, but always after the newest version, so that ids are in the order of publishing. */
  private Instant created() {
    Instant now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
    List<String> taken = new ArrayList<>(store.versions());
    taken.addAll(store.candidates());
    if (taken.isEmpty()) {
      return now;
    }
    String newest = Collections.max(taken);
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

  private static void removeLeftovers(Path versions, Disk disk) throws IOException {
    List<Path> leftovers;
    try (Stream<Path> paths = Files.list(versions)) {
      leftovers =
          paths.filter(path -> path.getFileName().toString().startsWith(Store.WRITING)).toList();
    }
    for (Path leftover : leftovers) {
      disk.deleteAll(leftover);
    }
  }
}
