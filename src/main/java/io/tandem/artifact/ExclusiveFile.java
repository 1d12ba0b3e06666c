package io.tandem.artifact;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A file that one holder has at a time, among all threads of all processes: a lock of the system's,
 * which frees it at the holder's death, so that a dead one keeps nobody out. The file says who has
 * it, or had it last and died.
 */
public final class ExclusiveFile implements AutoCloseable {
  private static final int LONGEST = 1000;

  /**
   * Who in this process has which file. It is asked before the file is opened: a process's closing
   * of any channel of a file frees all the locks that it has of it.
   */
  private static final Map<Path, String> HELD = new ConcurrentHashMap<>();

  private final Path file;
  private final FileChannel channel;
  private final @Nullable String leftBy;

  private ExclusiveFile(Path file, FileChannel channel, @Nullable String leftBy) {
    this.file = file;
    this.channel = channel;
    this.leftBy = leftBy;
  }

  /** Another has the file. */
  public static final class HeldException extends Exception {
    private static final long serialVersionUID = 1;

    private HeldException(String holder) {
      super(holder);
    }

    /** What it said of itself. */
    public String holder() {
      return String.valueOf(getMessage());
    }
  }

  /**
   * Takes a file, without waiting; it is made where it is missing.
   *
   * @param folder that the file is in, by any path to it
   * @param self what the holder says of itself, a line
   */
  public static ExclusiveFile take(Path folder, String name, String self)
      throws IOException, HeldException {
    Path real = folder.toRealPath().resolve(name);
    String other = HELD.putIfAbsent(real, self);
    if (other != null) {
      throw new HeldException(other);
    }
    try {
      return open(real, self);
    } catch (IOException | HeldException | RuntimeException e) {
      HELD.remove(real);
      throw e;
    }
  }

  private static ExclusiveFile open(Path file, String self) throws IOException, HeldException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      String holder = read(channel);
      if (channel.tryLock() == null) {
        throw new HeldException(holder.isEmpty() ? "unknown" : holder);
      }
      write(channel, self);
      return new ExclusiveFile(file, channel, holder.isEmpty() ? null : holder);
    } catch (IOException | HeldException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Who had the file and died without giving it back; null where nobody did. */
  public @Nullable String leftBy() {
    return leftBy;
  }

  /** Whether it is still held. */
  public boolean isHeld() {
    return channel.isOpen();
  }

  @Override
  public void close() throws IOException {
    if (channel.isOpen()) {
      try (channel) {
        channel.truncate(0);
      } finally {
        HELD.remove(file);
      }
    }
  }

  private static String read(FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(LONGEST);
    while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) > 0) {
      // Goes on to the end.
    }
    return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8).strip();
  }

  /** A full disk has no room for it, and deleting must be possible there. */
  private static void write(FileChannel channel, String text) throws IOException {
    channel.truncate(0);
    ByteBuffer bytes = ByteBuffer.wrap((text + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      while (bytes.hasRemaining()) {
        channel.write(bytes, bytes.position());
      }
    } catch (IOException noRoom) {
      channel.truncate(0);
    }
  }
}
