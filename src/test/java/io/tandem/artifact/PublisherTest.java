package io.tandem.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.config.ModelSpec;
import io.tandem.config.SpecReader;
import io.tandem.data.Dataset;
import io.tandem.data.DatasetReader;
import io.tandem.index.TopK;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PublisherTest {

  @Test
  void aPublishedModelSaysWhatItIs(@TempDir Path folder) throws IOException {
    Version version = publish(folder);
    Manifest manifest = version.manifest();
    assertThat(manifest.spec()).isEqualTo("small");
    assertThat(manifest.model()).isEqualTo("popularity");
    assertThat(manifest.items()).isEqualTo(TestModels.ITEMS);
    assertThat(manifest.dimension()).isEqualTo(1);
    assertThat(manifest.queryKey()).isEqualTo("userId");
    assertThat(manifest.itemKey()).isEqualTo("movieId");
    assertThat(manifest.attributes()).containsExactly("genres", "title", "year");
    assertThat(manifest.index().type()).isEqualTo("Flat");
    assertThat(manifest.index().recall()).isEqualTo(1);
    assertThat(SpecReader.read(version.spec(), Map.of()).name()).isEqualTo("small");
  }

  @Test
  void anOpenedVersionHoldsWhatWasPublished(@TempDir Path folder) throws IOException {
    Version version = publish(folder);
    try (OpenVersion open = version.open();
        Dataset dataset = DatasetReader.read(spec(folder).data())) {
      assertThat(open.items().size()).isEqualTo(TestModels.ITEMS);
      assertThat(open.index().size()).isEqualTo(TestModels.ITEMS);
      assertThat(open.querySide()).isNull();
      assertThat(open.texts().text(12, 0)).isEqualTo("A|B");
      assertThat(open.texts().text(12, 1)).isEqualTo("Film né 12");
      int query = open.history().query("u3");
      assertThat(query).isEqualTo(dataset.queryKeys().indexOf("u3"));
      assertThat(open.history().query("nobody")).isEqualTo(-1);
      assertThat(open.history().count(query)).isEqualTo(20);
    }
  }

  @Test
  void historyIsInOrderOfTimeOverAllPartsOfTheSplit(@TempDir Path folder) throws IOException {
    try (OpenVersion open = publish(folder).open()) {
      for (int number = 0; number < TestModels.QUERIES; number++) {
        String key = "u" + number;
        String[] expected =
            Files.readAllLines(folder.resolve("ratings.csv")).stream()
                .filter(line -> line.startsWith(key + ","))
                .map(line -> line.substring(line.indexOf(",") + 1, line.lastIndexOf(",")))
                .toArray(String[]::new);
        int query = open.history().query(key);
        String[] found = new String[open.history().count(query)];
        for (int place = 0; place < found.length; place++) {
          found[place] = open.items().key(open.history().row(query, place));
        }
        assertThat(found).isEqualTo(expected);
      }
    }
  }

  @Test
  void publishingTheSameTwiceAnswersTheSame(@TempDir Path folder) throws IOException {
    Version first = publish(folder);
    Version second = publish(folder);
    assertThat(second.manifest().parent()).isEqualTo(first.id());
    assertThat(filesWithoutTimes(second)).isEqualTo(filesWithoutTimes(first));
    TopK one = new TopK();
    TopK two = new TopK();
    try (OpenVersion a = first.open();
        OpenVersion b = second.open()) {
      a.index().search(new float[] {1}, 50, one);
      b.index().search(new float[] {1}, 50, two);
    }
    for (int rank = 0; rank < 50; rank++) {
      assertThat(two.row(rank)).isEqualTo(one.row(rank));
      assertThat(two.score(rank)).isEqualTo(one.score(rank));
    }
  }

  @Test
  void aFlippedByteOrAMissingEndIsRefusedInEveryFile(@TempDir Path folder) throws IOException {
    Version version = publish(folder);
    Store store = Store.open(folder.resolve("store"));
    assertThat(Checksums.files(version.folder())).hasSizeGreaterThan(8);
    for (Path file : Checksums.files(version.folder())) {
      byte[] bytes = Files.readAllBytes(file);
      byte[] flipped = bytes.clone();
      flipped[bytes.length / 2] ^= 4;
      for (byte[] damaged :
          Arrays.asList(flipped, Arrays.copyOf(bytes, bytes.length - 1), new byte[0])) {
        Files.write(file, damaged);
        assertThatThrownBy(() -> store.current().open())
            .isInstanceOf(ArtifactException.class)
            .hasMessageContaining(file + ": expected ")
            .hasMessageContaining(", found ");
      }
      Files.write(file, bytes);
    }
    store.current().open().close();
  }

  @Test
  void aDiskThatFillsUpPublishesNothing(@TempDir Path folder) throws IOException {
    Version before = publish(folder);
    Path versions = folder.resolve("store/versions");
    for (long room : new long[] {0, 10, 1000, 5000, 12000}) {
      Store store = new Store(folder.resolve("store"), new SmallDisk(room), Clock.systemUTC());
      assertThatThrownBy(() -> publish(folder, store))
          .isInstanceOf(ArtifactException.class)
          .hasMessage("nothing was published in " + store.folder() + ": No space left on device");
      assertThat(store.current()).isEqualTo(before);
      assertThat(versions).isDirectoryNotContaining(path -> !path.equals(before.folder()));
    }
  }

  @Test
  void aPopularityVersionWithWiderVectorsIsRefused(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder.resolve("store"));
    Version other = Versions.publish(store, "towers");
    Manifest m = other.manifest();
    Manifest mixed =
        new Manifest(
            m.format(),
            m.created(),
            m.itemsAsOf(),
            m.parent(),
            m.spec(),
            "popularity",
            TestModels.ITEMS,
            2,
            m.queryKey(),
            m.itemKey(),
            m.attributes(),
            m.index(),
            m.metrics(),
            m.rebuilt(),
            m.gates(),
            m.files());
    Version whole = publish(folder);
    Version version = new Version(other.id(), whole.folder(), mixed);
    assertThatThrownBy(() -> OpenVersion.open(version))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining(
            "expected item vectors of dimension 1 to go with a query of width 1, found 2");
  }

  /** The index report also says how long searches took. */
  private static Map<String, Manifest.FileInfo> filesWithoutTimes(Version version) {
    Map<String, Manifest.FileInfo> files = new TreeMap<>(version.manifest().files());
    assertThat(files.remove("index.json")).isNotNull();
    return files;
  }

  private static ModelSpec spec(Path folder) throws IOException {
    return TestModels.spec(folder, "{type: popularity}", "{type: auto}");
  }

  private static Version publish(Path folder) throws IOException {
    return publish(folder, Store.create(folder.resolve("store")));
  }

  private static Version publish(Path folder, Store store) throws IOException {
    return TestModels.publishPopularity(folder, store);
  }

  /** A disk with room for some bytes. */
  private static final class SmallDisk implements Disk {
    private final AtomicLong room;

    SmallDisk(long room) {
      this.room = new AtomicLong(room);
    }

    @Override
    public OutputStream create(Path file) throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      OutputStream target = Disk.super.create(file);
      return new FilterOutputStream(bytes) {
        @Override
        public void close() throws IOException {
          try (target) {
            if (room.addAndGet(-bytes.size()) < 0) {
              throw new IOException("No space left on device");
            }
            bytes.writeTo(target);
          }
        }
      };
    }
  }
}
