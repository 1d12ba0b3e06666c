package io.tandem.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExclusiveFileTest {
  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void name() {
    file = folder.resolve("lock");
  }

  @Test
  void whoTriesInVainDoesNotFreeIt() throws Exception {
    try (ExclusiveFile held = ExclusiveFile.take(folder, "lock", "the first")) {
      assertThatThrownBy(() -> ExclusiveFile.take(folder, "lock", "the second"))
          .isInstanceOf(ExclusiveFile.HeldException.class)
          .hasMessage("the first");
      assertThat(held.isHeld()).isTrue();
      assertThat(freeForAnotherProcess()).isFalse();
    }
    assertThat(freeForAnotherProcess()).isTrue();
  }

  @Test
  void anotherPathToItIsTheSameFile() throws Exception {
    Path link = Files.createSymbolicLink(folder.resolve("link"), folder);
    try (ExclusiveFile held = ExclusiveFile.take(folder, "lock", "the first")) {
      assertThatThrownBy(() -> ExclusiveFile.take(link, "lock", "the second"))
          .hasMessage("the first");
      assertThatThrownBy(() -> ExclusiveFile.take(folder.resolve("."), "lock", "the third"))
          .hasMessage("the first");
      assertThat(held.isHeld()).isTrue();
      assertThat(freeForAnotherProcess()).isFalse();
    }
  }

  @Test
  void theWritersLockOfAStoreOutlivesAttemptsInTheSameProcess() throws Exception {
    Store store = Store.create(folder.resolve("store"));
    file = store.folder().resolve(Store.LOCK);
    try (VersionWriter writer = store.newVersion()) {
      assertThat(writer.path("a")).doesNotExist();
      assertThatThrownBy(() -> store.prune(1)).hasMessageContaining("found one at work: process ");
      assertThat(freeForAnotherProcess()).isFalse();
    }
    assertThat(freeForAnotherProcess()).isTrue();
  }

  @Test
  void whoDiedIsToldOnceAndWhoGaveItBackIsNot() throws Exception {
    Files.writeString(file, "the dead\n");
    try (ExclusiveFile held = ExclusiveFile.take(folder, "lock", "the first")) {
      assertThat(held.leftBy()).isEqualTo("the dead");
    }
    try (ExclusiveFile held = ExclusiveFile.take(folder, "lock", "the second")) {
      assertThat(held.leftBy()).isNull();
    }
    assertThat(file).isEmptyFile();
  }

  /** Locks tell processes apart, not threads: only another process can say. */
  private boolean freeForAnotherProcess() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Other.class.getName(),
                file.toString())
            .inheritIO()
            .start();
    int status = process.waitFor();
    assertThat(status).isBetween(0, 1);
    return status == 0;
  }

  /** Ends with status 0 if it can lock a file, with 1 if another has it. */
  static final class Other {
    private Other() {}

    public static void main(String[] arguments) throws IOException {
      int status;
      try (FileChannel channel = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.WRITE);
          FileLock lock = channel.tryLock()) {
        status = lock == null ? 1 : 0;
      }
      System.exit(status);
    }
  }
}
