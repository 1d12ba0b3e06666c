package io.tandem.artifact;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Versions of a model in a folder, of which one is current.
 *
 * <pre>
 * STORE/CURRENT              id of the current version; replaced by atomic rename
 * STORE/versions/ID/         a version, never changed once it has its name
 * STORE/versions/.writing-*  a version being written; left by a crash, removed by the next writer
 * STORE/candidates/ID/       versions that a gate refused, for inspection
 * STORE/in-use/ID            held by each process that serves the version
 * STORE/PUBLISHING           id of the version that is being published
 * STORE/lock                 held while writing
 * </pre>
 *
 * <p>A version is written beside the others, verified, and then published by renaming one file: a
 * reader sees the old version or the new one, never a mixture, whatever dies when. Safe for any
 * number of threads and processes; one of them writes at a time.
 */
public final class Store {
  static final String CURRENT = "CURRENT";
  static final String LOCK = "lock";
  static final String WRITING = ".writing-";
  static final String PUBLISHING = "PUBLISHING";

  private static final Pattern ID = Pattern.compile("\\d{8}T\\d{9}Z-[0-9a-f]{12}");

  private final Path folder;
  private final Disk disk;
  private final Clock clock;

  Store(Path folder, Disk disk, Clock clock) {
    this.folder = folder;
    this.disk = disk;
    this.clock = clock;
  }

  /**
   * Opens a store.
   *
   * @throws ArtifactException if the folder is not one
   */
  public static Store open(Path folder) {
    if (!Files.isDirectory(folder.resolve("versions"))) {
      throw ArtifactException.of(
          folder,
          "a store, with a folder named versions",
          Files.isDirectory(folder) ? "none in it" : "no such folder");
    }
    return new Store(folder, Disk.REAL, Clock.systemUTC());
  }

  /** Opens a store whose changes go through a disk of the caller's, with times of its clock. */
  public static Store open(Path folder, Disk disk, Clock clock) {
    return new Store(open(folder).folder, disk, clock);
  }

  /** Opens a store, which is made where the folder is missing or empty. */
  public static Store create(Path folder) {
    return create(folder, Disk.REAL, Clock.systemUTC());
  }

  static Store create(Path folder, Disk disk, Clock clock) {
    Path versions = folder.resolve("versions");
    try {
      if (!Files.isDirectory(versions)) {
        if (Files.isDirectory(folder)) {
          try (Stream<Path> inside = Files.list(folder)) {
            if (inside.findAny().isPresent()) {
              throw ArtifactException.of(folder, "a store or an empty folder", "other files in it");
            }
          }
        }
        Files.createDirectories(versions);
      }
    } catch (IOException e) {
      throw ArtifactException.of("cannot make store " + folder, e);
    }
    return new Store(folder, disk, clock);
  }

  static boolean isId(String name) {
    return ID.matcher(name).matches();
  }

  /** What its changes go through. */
  public Disk disk() {
    return disk;
  }

  /** What its times are of. */
  public Clock clock() {
    return clock;
  }

  /** Where it is. */
  public Path folder() {
    return folder;
  }

  /** Ids of all versions, oldest first. */
  public List<String> versions() {
    return ids(versionsFolder());
  }

  /** Ids of versions that a gate refused and that were kept, oldest first. */
  public List<String> candidates() {
    return Files.isDirectory(candidatesFolder()) ? ids(candidatesFolder()) : List.of();
  }

  private static List<String> ids(Path folder) {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.map(path -> path.getFileName().toString()).filter(Store::isId).sorted().toList();
    } catch (IOException e) {
      throw ArtifactException.of("cannot list " + folder, e);
    }
  }

  /**
   * A version by its id. Its manifest is verified; its other files are when it is opened.
   *
   * @throws ArtifactException if there is none or its manifest is damaged
   */
  public Version version(String id) {
    if (!ID.matcher(id).matches() || !Files.isDirectory(versionsFolder().resolve(id))) {
      throw ArtifactException.of(folder, "one of the versions " + versions(), "'" + id + "'");
    }
    return Version.read(versionsFolder().resolve(id));
  }

  /** Id of the current version; empty before the first is published. */
  public Optional<String> currentId() {
    Path file = folder.resolve(CURRENT);
    try {
      String id = Files.readString(file, StandardCharsets.ISO_8859_1).strip();
      if (!ID.matcher(id).matches()) {
        throw ArtifactException.of(file, "the id of a version", "'" + id + "'");
      }
      return Optional.of(id);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw ArtifactException.of("cannot read " + file, e);
    }
  }

  /**
   * The current version.
   *
   * @throws ArtifactException if none was published yet, or it is missing or damaged
   */
  public Version current() {
    return version(
        currentId()
            .orElseThrow(
                () -> ArtifactException.of(folder, "a published version", "none published yet")));
  }

  /**
   * What is wrong with a version: one line for each file that is missing, damaged, or not of it;
   * empty when it is intact.
   */
  public List<String> verify(String id) {
    try {
      return version(id).problems();
    } catch (ArtifactException e) {
      return List.of(String.valueOf(e.getMessage()));
    }
  }

  /**
   * Makes a version current, once it is verified.
   *
   * @throws ArtifactException if it is damaged or there is none; the current version stays
   */
  public void publish(String id) {
    Version version = version(id);
    version.requireIntact();
    try (WriteLock lock = WriteLock.take(folder, disk)) {
      if (!Files.isDirectory(version.folder())) {
        throw ArtifactException.of(folder, "version " + id, "that it was never published");
      }
      replaceCurrent(id, lock);
    } catch (IOException e) {
      throw ArtifactException.of("cannot publish version " + id + " in " + folder, e);
    }
  }

  /**
   * Makes the version before the current one current.
   *
   * @return what is current now
   * @throws ArtifactException if there is no earlier one, or it is damaged
   */
  public Version rollback() {
    String current = current().id();
    List<String> versions = versions();
    int at = versions.indexOf(current);
    if (at < 1) {
      throw ArtifactException.of(folder, "a version before " + current, "none");
    }
    publish(versions.get(at - 1));
    return current();
  }

  /**
   * Begins a version, whose parent is the current one.
   *
   * @throws ArtifactException if another writer is at work
   */
  public VersionWriter newVersion() {
    return VersionWriter.begin(this, disk, clock);
  }

  /**
   * Opens the current version; where another is published meanwhile, that one.
   *
   * @throws ArtifactException as {@link #current} and {@link Version#open}
   */
  public OpenVersion openCurrent() {
    Version version = current();
    while (true) {
      try {
        return version.open();
      } catch (ArtifactException e) {
        Version now = current();
        if (now.id().equals(version.id())) {
          throw e;
        }
        version = now;
      }
    }
  }

  /**
   * Deletes old versions, and old candidates likewise. The current version stays, and so does every
   * version that a process has open.
   *
   * @param keep number of versions that stay, the newest, at least 1
   * @return ids of what was deleted
   */
  public List<String> prune(int keep) {
    if (keep < 1) {
      throw new IllegalArgumentException("expected to keep at least 1 version, found " + keep);
    }
    try (WriteLock lock = WriteLock.take(folder, disk)) {
      lock.requireHeld();
      List<String> pruned = new ArrayList<>();
      List<String> versions = versions();
      String current = currentId().orElse("");
      for (String id : versions.subList(0, Math.max(0, versions.size() - keep))) {
        if (!id.equals(current) && Hold.isFree(folder, id)) {
          remove(versionsFolder().resolve(id));
          disk.delete(Hold.file(folder, id));
          pruned.add(id);
        }
      }
      List<String> candidates = candidates();
      for (String id : candidates.subList(0, Math.max(0, candidates.size() - keep))) {
        remove(candidatesFolder().resolve(id));
        pruned.add(id);
      }
      return pruned;
    } catch (IOException e) {
      throw ArtifactException.of("cannot prune " + folder, e);
    }
  }

  /** Takes the name first, so that nobody sees half a version. */
  private void remove(Path version) throws IOException {
    Path gone = versionsFolder().resolve(WRITING + version.getFileName());
    disk.move(version, gone);
    disk.deleteAll(gone);
  }

  Path candidatesFolder() {
    return folder.resolve("candidates");
  }

  Path versionsFolder() {
    return folder.resolve("versions");
  }

  /** The one step that publishes; the caller proves that it holds the lock. */
  void replaceCurrent(String id, WriteLock lock) throws IOException {
    lock.requireHeld();
    Path next = folder.resolve(CURRENT + ".next");
    try {
      disk.delete(next);
      try (OutputStream out = disk.create(next)) {
        out.write((id + "\n").getBytes(StandardCharsets.ISO_8859_1));
      }
      disk.force(next);
      disk.move(next, folder.resolve(CURRENT));
    } catch (IOException e) {
      disk.delete(next);
      throw e;
    }
    disk.force(folder);
  }
}
