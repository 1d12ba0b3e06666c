package io.tandem.artifact;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
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
