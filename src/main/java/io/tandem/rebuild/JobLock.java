package io.tandem.rebuild;

import io.tandem.artifact.ArtifactException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The right to rebuild a store, for one process at a time: {@code STORE/rebuild.lock}. The system
 * frees it at death, so that a dead holder keeps nobody out; the file says who holds it, or held it
 * last.
 */
final class JobLock implements AutoCloseable {
  private static final int LONGEST = 1000;

  /**
   * Who in this process holds which lock. It is asked before the file is: closing any other channel
   * of a locked file would free it.
   */
  private static final Map<Path, String> HELD = new ConcurrentHashMap<>();

  private final Path file;
  private final FileChannel channel;
  private final @Nullable String stale;

  private JobLock(Path file, FileChannel channel, @Nullable String stale) {
    this.file = file;
    this.channel = channel;
    this.stale = stale;
  }

  /**
   * Takes the lock, without waiting.
   *
   * @throws ArtifactException if another holds it; the message says who
   */
  static JobLock take(Path store, Instant now) {
    Path file = store.toAbsolutePath().normalize().resolve("rebuild.lock");
    String self = "process %d since %s".formatted(ProcessHandle.current().pid(), now);
    String other = HELD.putIfAbsent(file, self);
    if (other != null) {
      throw atWork(store, other);
    }
    try {
      return take(store, file, self);
    } catch (IOException e) {
      HELD.remove(file);
      throw new ArtifactException("cannot lock " + file + ": " + e.getMessage(), e);
    } catch (RuntimeException e) {
      HELD.remove(file);
      throw e;
    }
  }

  private static JobLock take(Path store, Path file, String self) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      String holder = read(channel);
      if (channel.tryLock() == null) {
        throw atWork(store, holder.isEmpty() ? "unknown" : holder);
      }
      write(channel, self);
      return new JobLock(file, channel, holder.isEmpty() ? null : holder);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static ArtifactException atWork(Path store, String holder) {
    return new ArtifactException(
        "%s: expected no other rebuild, found one at work: %s".formatted(store, holder));
  }

  /** Who held the lock and died without giving it back; null where nobody did. */
  @Nullable String stale() {
    return stale;
  }

  @Override
  public void close() {
    try (channel) {
      channel.truncate(0);
    } catch (IOException e) {
      throw new ArtifactException("cannot free the lock of the rebuild: " + e.getMessage(), e);
    } finally {
      HELD.remove(file);
    }
  }

  private static String read(FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(LONGEST);
    while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) > 0) {
      // Goes on to the end.
    }
    return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8).strip();
  }

  private static void write(FileChannel channel, String text) throws IOException {
    channel.truncate(0);
    ByteBuffer bytes = ByteBuffer.wrap((text + "\n").getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes, bytes.position());
    }
  }
}
