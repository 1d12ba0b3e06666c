package io.tandem.retrieval;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.ExclusiveFile;
import io.tandem.artifact.Store;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The changes of a store's items since they were last rebuilt, durable in {@code STORE/changes.log}
 * beside the versions: any version can be opened with the changes that it does not contain.
 *
 * <p>The file is eight bytes of magic and {@link ChangeRecord}s. Each append is one record and is
 * forced to the disk before it counts. So only the last record can be torn by a crash, and whoever
 * writes next cuts it off; a damaged record that others follow is refused. One process writes at a
 * time and holds {@code STORE/changes.lock}; any may read.
 *
 * <p>Not thread-safe.
 */
final class ChangeLog implements AutoCloseable {
  static final String FILE = "changes.log";
  static final String LOCK = "changes.lock";
  private static final byte[] MAGIC = "TDMCHNG1".getBytes(StandardCharsets.US_ASCII);
  private static final Logger LOG = LoggerFactory.getLogger(ChangeLog.class);

  /** Changes beyond those that matter before the file is written anew. */
  private static final int SLACK = 10_000;

  private static final int CHANGES_A_RECORD = 1_000;

  private final Store store;
  private final Path file;

  /** The last change of each key, in order. */
  private final Map<String, Change> changes = new LinkedHashMap<>();

  /** All changes in the file. */
  private long written;

  private long end;
  private @Nullable Stamp stamp;
  private @Nullable ExclusiveFile lock;
  private @Nullable RandomAccessFile out;

  /** Opens and reads the log; none is an empty one. */
  ChangeLog(Store store) {
    this.store = store;
    file = store.folder().resolve(FILE);
    reload();
  }

  /** What a file looks like from outside when it has not changed. */
  private record Stamp(long size, Object time, @Nullable Object key) {}

  /** The last change of each key, the oldest first. */
  Collection<Change> changes() {
    return changes.values();
  }

  /**
   * Reads what another process may have written.
   *
   * @return whether anything changed
   */
  boolean reload() {
    if (out != null) {
      return false;
    }
    try {
      Stamp now = stamp();
      if (now != null && now.equals(stamp)) {
        return false;
      }
      if (now == null && stamp == null) {
        return false;
      }
      List<Change> before = new ArrayList<>(changes.values());
      read();
      stamp = now;
      return !before.equals(new ArrayList<>(changes.values()));
    } catch (IOException e) {
      throw failure("cannot read " + file, e);
    }
  }

  /**
   * Makes changes durable, all or none.
   *
   * @throws ArtifactException if another process writes, or the disk refuses; nothing changed then
   */
  void append(List<Change> added) {
    RandomAccessFile file = own();
    byte[] record = ChangeRecord.encode(added);
    try {
      file.seek(end);
      file.write(record);
      file.getFD().sync();
    } catch (IOException e) {
      undo(file, e);
      throw failure("cannot write " + this.file, e);
    }
    end += record.length;
    remember(added);
    if (written > 2L * changes.size() + SLACK) {
      try {
        compact();
      } catch (IOException e) {
        // What was appended is safe where it is.
        LOG.warn("{} stays longer than it need be: {}", this.file, e.toString());
      }
    }
  }

  /**
   * Becomes the one that writes.
   *
   * @throws ArtifactException if another is
   */
  RandomAccessFile own() {
    if (out != null) {
      return out;
    }
    ExclusiveFile held = null;
    try {
      held = ExclusiveFile.take(store.folder(), LOCK, "process " + ProcessHandle.current().pid());
      if (!Files.exists(file)) {
        write(List.of());
      }
      read();
      RandomAccessFile opened = new RandomAccessFile(file.toFile(), "rw");
      if (opened.length() > end) {
        LOG.warn("{}: an unfinished record is cut off, {} bytes", file, opened.length() - end);
        opened.setLength(end);
        opened.getFD().sync();
      }
      out = opened;
      lock = held;
      return opened;
    } catch (ExclusiveFile.HeldException e) {
      throw new ArtifactException(
          "%s: expected no other to change items, found one at work: %s"
              .formatted(store.folder(), e.holder()),
          e);
    } catch (IOException | RuntimeException e) {
      close(held);
      throw e instanceof RuntimeException known ? known : failure("cannot open " + file, e);
    }
  }

  @Override
  public void close() {
    close(out);
    close(lock);
    out = null;
    lock = null;
  }

  private void remember(List<Change> added) {
    written += added.size();
    for (Change change : added) {
      // Removed first, so that the order is that of the last changes.
      changes.remove(change.key());
      changes.put(change.key(), change);
    }
  }

  private void read() throws IOException {
    changes.clear();
    written = 0;
    byte[] log;
    try {
      log = Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      end = 0;
      return;
    }
    if (log.length < MAGIC.length || !Arrays.equals(log, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
      throw new ArtifactException(file + ": expected a log of changes, found another beginning");
    }
    int at = MAGIC.length;
    for (int length = ChangeRecord.length(log, at);
        length > 0;
        length = ChangeRecord.length(log, at)) {
      try {
        remember(ChangeRecord.decode(log, at));
      } catch (IOException e) {
        throw new ArtifactException(
            "%s: expected a record of changes at byte %d, found %s"
                .formatted(file, at, e.getMessage()),
            e);
      }
      at += length;
    }
    requireUnfinished(log, at);
    end = at;
  }

  /**
   * What is left must be a record that was being written: the last. Damage that reaches the end of
   * the file looks the same.
   */
  private void requireUnfinished(byte[] log, int at) {
    int following = ChangeRecord.announcedEnd(log, at);
    for (int next = at + 1; next < log.length && following < 0; next++) {
      following = ChangeRecord.length(log, next) > 0 ? next : -1;
    }
    if (following >= 0 && following < log.length) {
      throw new ArtifactException(
          "%s: expected a whole record at byte %d, found a damaged one that others follow at byte"
                  .formatted(file, at)
              + " %d; restore the file, or remove it to give up the changes in it"
                  .formatted(following));
    }
  }

  /** Leaves no half record where the next one belongs. */
  private void undo(RandomAccessFile file, IOException cause) {
    try {
      file.setLength(end);
      file.getFD().sync();
    } catch (IOException e) {
      cause.addSuppressed(e);
      // Opened anew, the log is read from the disk again.
      close();
    }
  }

  private void compact() throws IOException {
    long oldest = oldestNeeded();
    changes.values().removeIf(change -> change.time() <= oldest);
    write(List.copyOf(changes.values()));
    close(out);
    out = new RandomAccessFile(file.toFile(), "rw");
    end = out.length();
    written = changes.size();
  }

  /** Changes up to this moment are contained in every version. */
  private long oldestNeeded() {
    try {
      return store.versions().stream()
          .mapToLong(id -> contained(store.version(id).manifest().itemsAsOf()))
          .min()
          .orElse(Long.MIN_VALUE);
    } catch (ArtifactException damaged) {
      return Long.MIN_VALUE;
    }
  }

  /** The moment up to which a version contains changes, in milliseconds since 1970. */
  static long contained(@Nullable String itemsAsOf) {
    return itemsAsOf == null ? Long.MIN_VALUE : Instant.parse(itemsAsOf).toEpochMilli();
  }

  private void write(List<Change> all) throws IOException {
    Path next = file.resolveSibling(FILE + ".next");
    try (RandomAccessFile target = new RandomAccessFile(next.toFile(), "rw")) {
      target.setLength(0);
      target.write(MAGIC);
      for (int from = 0; from < all.size(); from += CHANGES_A_RECORD) {
        int to = Math.min(all.size(), from + CHANGES_A_RECORD);
        target.write(ChangeRecord.encode(all.subList(from, to)));
      }
      target.getFD().sync();
    }
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    try (FileChannel folder = FileChannel.open(store.folder(), StandardOpenOption.READ)) {
      folder.force(true);
    }
  }

  private @Nullable Stamp stamp() throws IOException {
    try {
      var attributes =
          Files.readAttributes(file, java.nio.file.attribute.BasicFileAttributes.class);
      return new Stamp(attributes.size(), attributes.lastModifiedTime(), attributes.fileKey());
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  private static void close(@Nullable AutoCloseable resource) {
    if (resource != null) {
      try {
        resource.close();
      } catch (Exception e) {
        LOG.debug("closing the log of changes: {}", e.toString());
      }
    }
  }

  private static ArtifactException failure(String what, Exception cause) {
    String why = cause instanceof ClosedByInterruptException ? "interrupted" : cause.getMessage();
    return new ArtifactException(what + ": " + why, cause);
  }
}
