package io.tandem.artifact;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A process's word that it uses a version: as long as any does, the version is not deleted. It is a
 * shared lock of a file, which the system frees at death. A process that may not write to the store
 * can hold only what its publisher made a file for.
 *
 * <p>One channel for each file in a process: closing any would free the locks of all.
 */
final class Hold implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Hold.class);
  private static final String FOLDER = "in-use";

  /** Guarded by itself. */
  private static final Map<Path, Shared> HELD = new HashMap<>();

  private final Path file;
  private boolean closed;

  private Hold(Path file) {
    this.file = file;
  }

  private static final class Shared {
    private final @Nullable FileChannel channel;
    private int users;

    Shared(@Nullable FileChannel channel) {
      this.channel = channel;
    }
  }

  /** Where the holders of a version meet, by whichever path they came to the store. */
  static Path file(Path store, String id) {
    Path real;
    try {
      real = store.toRealPath();
    } catch (IOException notThere) {
      real = store.toAbsolutePath().normalize();
    }
    return real.resolve(FOLDER).resolve(id);
  }

  /**
   * Holds a version in a folder, if it is one of a store.
   *
   * @throws ArtifactException if it is being deleted
   */
  static Hold take(Version version) {
    Path versions = version.folder().toAbsolutePath().getParent();
    Path store = versions == null ? null : versions.getParent();
    Path file = file(store == null ? version.folder() : store, version.id());
    synchronized (HELD) {
      Shared shared = HELD.get(file);
      if (shared == null) {
        shared = new Shared(Store.isId(version.id()) ? lock(file) : null);
        HELD.put(file, shared);
      }
      shared.users++;
    }
    return new Hold(file);
  }

  /** Whether no process, this one included, holds a version. */
  static boolean isFree(Path store, String id) throws IOException {
    Path file = file(store, id);
    synchronized (HELD) {
      if (HELD.containsKey(file)) {
        return false;
      }
      if (!Files.exists(file)) {
        return true;
      }
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
          FileLock lock = channel.tryLock()) {
        return lock != null;
      }
    }
  }

  @Override
  public void close() {
    synchronized (HELD) {
      Shared shared = HELD.get(file);
      if (closed || shared == null) {
        return;
      }
      closed = true;
      shared.users--;
      if (shared.users == 0) {
        HELD.remove(file);
        close(shared.channel);
      }
    }
  }

  private static @Nullable FileChannel lock(Path file) {
    FileChannel channel = null;
    try {
      if (!Files.exists(file)) {
        Files.createDirectories(file.getParent());
        Files.write(file, new byte[0], StandardOpenOption.CREATE);
      }
      channel = FileChannel.open(file, StandardOpenOption.READ);
      FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true);
      if (lock == null) {
        close(channel);
        throw new ArtifactException(file + ": expected a version, found one being deleted");
      }
      return channel;
    } catch (IOException e) {
      close(channel);
      LOG.debug("version {} is used without telling: {}", file.getFileName(), e.toString());
      return null;
    }
  }

  private static void close(@Nullable FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        LOG.debug("closing a hold: {}", e.toString());
      }
    }
  }
}
