package io.tandem.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreTest {
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-03-01T02:03:04.005Z"), ZoneOffset.UTC);

  @Test
  void anEmptyStoreHasNoVersion(@TempDir Path folder) {
    Store store = Store.create(folder.resolve("store"));
    assertThat(store.versions()).isEmpty();
    assertThat(store.currentId()).isEmpty();
    assertThatThrownBy(store::current)
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("expected a published version, found none published yet");
  }

  @Test
  void whatIsNoStoreIsRefused(@TempDir Path folder) throws IOException {
    assertThatThrownBy(() -> Store.open(folder.resolve("missing")))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("found no such folder");
    Files.writeString(folder.resolve("other"), "text");
    assertThatThrownBy(() -> Store.open(folder)).isInstanceOf(ArtifactException.class);
    assertThatThrownBy(() -> Store.create(folder))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("expected a store or an empty folder");
  }

  @Test
  void publishedVersionIsCurrentAndIntactWhenReopened(@TempDir Path folder) throws IOException {
    Version version = Versions.publish(Store.create(folder), "first");
    Store reopened = Store.open(folder);
    assertThat(reopened.current()).isEqualTo(version);
    assertThat(reopened.verify(version.id())).isEmpty();
    assertThat(version.manifest().parent()).isNull();
    assertThat(version.manifest().metrics()).containsEntry("recall@10", 0.25);
    assertThat(version.manifest().files())
        .containsOnlyKeys("items.faiss", "spec.yaml", "towers/query", "towers/item");
  }

  @Test
  void idsFollowTheOrderOfPublishingEvenWhereTheClockStandsStill(@TempDir Path folder)
      throws IOException {
    Store store = Store.create(folder, Disk.REAL, CLOCK);
    Version first = Versions.publish(store, "first");
    Version second = Versions.publish(store, "second");
    assertThat(first.id()).matches("20260301T020304005Z-[0-9a-f]{12}");
    assertThat(second.id()).matches("20260301T020304006Z-[0-9a-f]{12}");
    assertThat(store.versions()).containsExactly(first.id(), second.id());
    assertThat(second.manifest().parent()).isEqualTo(first.id());
  }

  @Test
  void othersCanReadAVersionWhereTheyCanReadTheStore(@TempDir Path folder) throws IOException {
    Path store = Files.createDirectory(folder.resolve("store"));
    Version version = Versions.publish(Store.create(store), "first");
    assertThat(Files.getPosixFilePermissions(version.folder()))
        .isEqualTo(Files.getPosixFilePermissions(store));
  }

  @Test
  void rollbackMakesTheVersionBeforeCurrent(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder);
    Version first = Versions.publish(store, "first");
    Version second = Versions.publish(store, "second");
    assertThat(store.rollback()).isEqualTo(first);
    assertThat(store.currentId()).contains(first.id());
    assertThatThrownBy(store::rollback)
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("expected a version before " + first.id() + ", found none");
    store.publish(second.id());
    assertThat(store.current()).isEqualTo(second);
  }

  @Test
  void aDamagedVersionIsNeverMadeCurrent(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder);
    Version first = Versions.publish(store, "first");
    Version second = Versions.publish(store, "second");
    flip(first.folder().resolve("towers/item"), 0);
    assertThatThrownBy(store::rollback)
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("towers/item: expected SHA-256");
    assertThat(store.current()).isEqualTo(second);
  }

  @Test
  void aFlippedByteIsFoundInEveryFile(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder);
    Version version = Versions.publish(store, "first");
    for (Path file : Checksums.files(version.folder())) {
      for (int at : new int[] {0, (int) Files.size(file) - 1}) {
        flip(file, at);
        assertThat(store.verify(version.id())).hasSize(1).allMatch(p -> p.contains(file + ": "));
        assertThatThrownBy(() -> store.version(version.id()).open())
            .isInstanceOf(ArtifactException.class)
            .hasMessageContaining(file + ": expected SHA-256 ");
        flip(file, at);
      }
    }
    assertThat(store.verify(version.id())).isEmpty();
  }

  @Test
  void truncatedMissingAndForeignFilesAreFound(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder);
    Version version = Versions.publish(store, "first");
    Path index = version.folder().resolve("items.faiss");
    byte[] bytes = Files.readAllBytes(index);
    Files.write(index, Arrays.copyOf(bytes, 3));
    assertThatThrownBy(version::open)
        .isInstanceOf(ArtifactException.class)
        .hasMessage(index + ": expected " + bytes.length + " bytes, found 3");
    Files.delete(index);
    assertThatThrownBy(version::open)
        .isInstanceOf(ArtifactException.class)
        .hasMessage(index + ": expected a file of " + bytes.length + " bytes, found none");
    Files.write(index, bytes);
    Files.writeString(version.folder().resolve("extra"), "x");
    assertThat(store.verify(version.id()))
        .containsExactly(
            version.folder().resolve("extra") + ": expected no such file, found one of 1 bytes");
  }

  @Test
  void aDamagedCurrentNamesNoVersion(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder);
    Versions.publish(store, "first");
    Path current = folder.resolve("CURRENT");
    byte[] bytes = Files.readAllBytes(current);
    for (int at = 0; at < bytes.length - 1; at++) {
      flip(current, at);
      assertThatThrownBy(store::current).isInstanceOf(ArtifactException.class);
      Files.write(current, bytes);
    }
    assertThatCode(store::current).doesNotThrowAnyException();
  }

  @Test
  void aNewerFormatIsRefusedByItsNumber(@TempDir Path folder) throws IOException {
    byte[] json = "{\"format\": 2}".getBytes(StandardCharsets.UTF_8);
    Path version = folder.resolve("20260301T020304005Z-" + Checksums.of(json).substring(0, 12));
    Files.createDirectory(version);
    Files.write(version.resolve("manifest.json"), json);
    assertThatThrownBy(() -> Version.read(version))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("manifest.json: expected format 1, found 2");
  }

  @Test
  void anIndexMadeByOtherTowersIsRefused(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder);
    Manifest manifest = Versions.publish(store, "first").manifest();
    Manifest.IndexInfo index = manifest.index();
    Manifest other =
        new Manifest(
            manifest.format(),
            manifest.created(),
            manifest.itemsAsOf(),
            manifest.parent(),
            manifest.spec(),
            manifest.model(),
            manifest.items(),
            manifest.dimension(),
            manifest.queryKey(),
            manifest.itemKey(),
            manifest.attributes(),
            new Manifest.IndexInfo(
                index.type(), index.parameters(), index.recall(), index.recallAt(), "other"),
            manifest.metrics(),
            manifest.rebuilt(),
            manifest.gates(),
            manifest.files());
    Version mixed = new Version("mixed", store.current().folder(), other);
    assertThatThrownBy(mixed::open)
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("items.faiss: expected an index made by the towers beside it")
        .hasMessageContaining("found one made by other");
  }

  @Test
  void aFullDiskAtAnyStepPublishesNothingAndLeavesNothing(@TempDir Path folder) throws IOException {
    Version before = Versions.publish(Store.create(folder), "first");
    AtomicInteger failAt = new AtomicInteger(Integer.MAX_VALUE);
    Store store = new Store(folder, new FullDisk(failAt), Clock.systemUTC());
    int failures = 0;
    for (failAt.set(0); publishFails(store); failAt.set(++failures)) {
      if (store.currentId().equals(Optional.of(before.id()))) {
        assertThat(store.versions()).containsExactly(before.id());
        try (Stream<Path> inside = Files.list(folder.resolve("versions"))) {
          assertThat(inside).containsExactly(before.folder());
        }
        assertThat(folder.resolve("CURRENT.next")).doesNotExist();
      } else {
        // Only after the rename: the new version is whole.
        assertThat(store.verify(store.current().id())).isEmpty();
        before = store.current();
      }
    }
    assertThat(failures).isGreaterThan(10);
  }

  private static boolean publishFails(Store store) {
    try {
      Versions.publish(store, "second");
      return false;
    } catch (IOException e) {
      assertThat(e).hasMessage("No space left on device");
      return true;
    }
  }

  @Test
  void leftoversOfACrashAreRemovedByTheNextWriter(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder);
    Path leftover = folder.resolve("versions/.writing-1/towers");
    Files.createDirectories(leftover);
    Files.writeString(leftover.resolve("query"), "half");
    assertThat(store.versions()).isEmpty();
    Version version = Versions.publish(store, "first");
    assertThat(leftover.getParent()).doesNotExist();
    assertThat(store.versions()).containsExactly(version.id());
  }

  @Test
  void oneWriterAtATime(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder);
    try (VersionWriter first = store.newVersion()) {
      assertThat(first.path("a").getParent()).exists();
      assertThatThrownBy(store::newVersion)
          .isInstanceOf(ArtifactException.class)
          .hasMessageContaining("expected no other writer, found one at work");
    }
    Versions.publish(store, "second");
    assertThat(store.versions()).hasSize(1);
  }

  private static void flip(Path file, int at) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[at] ^= 1;
    Files.write(file, bytes);
  }

  /** A disk on which every step fails from a given one on. */
  private static final class FullDisk implements Disk {
    private final AtomicInteger left;

    FullDisk(AtomicInteger left) {
      this.left = left;
    }

    @Override
    public OutputStream create(Path file) throws IOException {
      step();
      return Disk.super.create(file);
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

    private void step() throws IOException {
      if (left.getAndDecrement() <= 0) {
        throw new IOException("No space left on device");
      }
    }
  }
}
