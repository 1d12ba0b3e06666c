package io.tandem.artifact;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** The right to write to a store: one holder among all processes. The system frees it at death. */
final class WriteLock implements AutoCloseable {
  private final FileChannel channel;
  private final FileLock lock;

  private WriteLock(FileChannel channel, FileLock lock) {
    this.channel = channel;
    this.lock = lock;
  }

  /**
   * Takes the lock, without waiting.
   *
   * @throws ArtifactException if another holds it
   */
  static WriteLock take(Path store) {
    Path file = store.resolve(Store.LOCK);
    try {
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = tryLock(channel);
      if (lock == null) {
        channel.close();
        throw ArtifactException.of(store, "no other writer", "one at work");
      }
      return new WriteLock(channel, lock);
    } catch (IOException e) {
      throw ArtifactException.of("cannot lock " + file, e);
    }
  }

  /**
   * Takes the lock and mends what a crash left behind: a version that had its name but was not
   * published yet was never served, and goes.
   */
  static WriteLock take(Path store, Disk disk) throws IOException {
    WriteLock lock = take(store);
    try {
      Path marker = store.resolve(Store.PUBLISHING);
      if (Files.exists(marker)) {
        String id = Files.readString(marker, StandardCharsets.ISO_8859_1).strip();
        Path current = store.resolve(Store.CURRENT);
        boolean published =
            Files.exists(current)
                && Files.readString(current, StandardCharsets.ISO_8859_1).strip().equals(id);
        if (!published && Store.isId(id)) {
          disk.deleteAll(store.resolve("versions").resolve(id));
        }
        disk.delete(marker);
      }
      return lock;
    } catch (IOException e) {
      lock.close();
      throw e;
    }
  }

  void requireHeld() {
    if (!lock.isValid()) {
      throw new IllegalStateException("the store's lock is not held");
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }
}
