package io.tandem.artifact;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The right to write to a store: one holder among all threads of all processes. */
final class WriteLock implements AutoCloseable {
  private final ExclusiveFile file;

  private WriteLock(ExclusiveFile file) {
    this.file = file;
  }

  /**
   * Takes the lock, without waiting, and mends what a crash left behind: a version that had its
   * name but was not published yet was never served, and goes.
   *
   * @throws ArtifactException if another holds it
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
    } catch (IOException | RuntimeException | Error e) {
      lock.close();
      throw e;
    }
  }

  private static WriteLock take(Path store) {
    try {
      return new WriteLock(
          ExclusiveFile.take(store, Store.LOCK, "process " + ProcessHandle.current().pid()));
    } catch (ExclusiveFile.HeldException e) {
      throw ArtifactException.of(store, "no other writer", "one at work: " + e.holder());
    } catch (IOException e) {
      throw ArtifactException.of("cannot lock " + store.resolve(Store.LOCK), e);
    }
  }

  void requireHeld() {
    if (!file.isHeld()) {
      throw new IllegalStateException("the store's lock is not held");
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
