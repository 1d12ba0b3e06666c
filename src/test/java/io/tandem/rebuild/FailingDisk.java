package io.tandem.rebuild;

import io.tandem.artifact.Disk;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** A disk whose steps fail from a given one on. */
final class FailingDisk implements Disk {
  private final int failAt;
  private final How how;
  private final AtomicInteger steps = new AtomicInteger();

  /** What failing is. */
  enum How {
    /** Nothing more can be written; deleting works. */
    FULL,
    /** The process is dead: from the step on nothing happens any more, clearing up included. */
    DEAD
  }

  /** A process's death, as far as files can tell. */
  static final class Died extends Error {
    Died() {
      super("died");
    }
  }

  /**
   * @param failAt number of the first step that fails, from 0
   */
  FailingDisk(int failAt, How how) {
    this.failAt = failAt;
    this.how = how;
  }

  int steps() {
    return steps.get();
  }

  @Override
  public OutputStream create(Path file) throws IOException {
    step();
    OutputStream out = Disk.super.create(file);
    // Bytes that were handed over are another step: the file is there, but cut short.
    return new FilterOutputStream(out) {
      private boolean failed;

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        out.write(bytes, from, length);
      }

      @Override
      public void close() throws IOException {
        if (failed) {
          return;
        }
        failed = true;
        out.close();
        try {
          step();
        } catch (IOException | Error e) {
          cut(file);
          throw e;
        }
      }
    };
  }

  private static void cut(Path file) throws IOException {
    try (java.io.RandomAccessFile whole = new java.io.RandomAccessFile(file.toFile(), "rw")) {
      whole.setLength(whole.length() / 2);
    }
  }

  @Override
  public void begin(Path file) throws IOException {
    step();
  }

  @Override
  public void createFolder(Path folder) throws IOException {
    step();
    Disk.super.createFolder(folder);
  }

  @Override
  public void copy(Path from, Path to) throws IOException {
    step();
    Disk.super.copy(from, to);
  }

  @Override
  public void force(Path path) throws IOException {
    step();
    Disk.super.force(path);
  }

  @Override
  public void move(Path from, Path to) throws IOException {
    step();
    Disk.super.move(from, to);
  }

  @Override
  public void delete(Path path) throws IOException {
    if (how == How.DEAD) {
      step();
    }
    Disk.super.delete(path);
  }

  private void step() throws IOException {
    if (steps.getAndIncrement() >= failAt) {
      if (how == How.DEAD) {
        throw new Died();
      }
      throw new IOException("No space left on device");
    }
  }
}
