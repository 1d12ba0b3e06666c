package io.tandem.retrieval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChangeLogTest {

  @Property(tries = 300)
  void anyChangesAreReadBackAsTheyWere(@ForAll("changes") List<Change> changes) throws IOException {
    byte[] record = ChangeRecord.encode(changes);
    assertThat(ChangeRecord.length(record, 0)).isEqualTo(record.length);
    assertThat(ChangeRecord.decode(record, 0)).isEqualTo(changes);
  }

  @Provide
  Arbitrary<List<Change>> changes() {
    Arbitrary<Object> values =
        Arbitraries.oneOf(
            Arbitraries.strings().map(value -> value),
            Arbitraries.doubles().map(value -> value),
            Arbitraries.longs().between(-1L << 40, 1L << 40).map(Instant::ofEpochSecond),
            Arbitraries.strings().ofMaxLength(5).list().ofMaxSize(3).map(List::copyOf));
    Arbitrary<Item> items =
        Arbitraries.maps(Arbitraries.strings().ofMaxLength(5), values)
            .ofMaxSize(4)
            .map(
                map -> {
                  Item.Builder item = Item.builder();
                  map.forEach(item::set);
                  return item.build();
                });
    return Combinators.combine(Arbitraries.strings(), Arbitraries.longs(), items.injectNull(0.3))
        .as(Change::new)
        .list()
        .ofMaxSize(4);
  }

  @Test
  void theLastChangeOfAKeyCountsAndOrderIsKept(@TempDir Path folder) {
    Store store = Store.create(folder);
    try (ChangeLog log = new ChangeLog(store)) {
      log.append(List.of(change("a", 1), change("b", 2)));
      log.append(List.of(new Change("a", 3, null)));
    }
    try (ChangeLog log = new ChangeLog(store)) {
      assertThat(log.changes()).containsExactly(change("b", 2), new Change("a", 3, null));
    }
  }

  @Test
  void aLogCutShortAnywhereHasEveryWholeRecordAndIsWrittenOn(@TempDir Path folder)
      throws IOException {
    Store store = Store.create(folder);
    Path file = folder.resolve(ChangeLog.FILE);
    List<Long> ends = new ArrayList<>();
    try (ChangeLog log = new ChangeLog(store)) {
      for (int i = 0; i < 4; i++) {
        log.append(List.of(change("key" + i, i)));
        ends.add(Files.size(file));
      }
    }
    byte[] whole = Files.readAllBytes(file);
    for (int length = (int) (ends.get(0) - 5); length <= whole.length; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      int cut = length;
      int records = (int) ends.stream().filter(end -> end <= cut).count();
      try (ChangeLog log = new ChangeLog(store)) {
        assertThat(log.changes()).hasSize(records);
        log.append(List.of(change("next", 9)));
      }
      try (ChangeLog log = new ChangeLog(store)) {
        assertThat(log.changes()).hasSize(records + 1).contains(change("next", 9));
      }
    }
  }

  @Test
  void aTailOfZerosIsAnUnfinishedRecord(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder);
    Path file = folder.resolve(ChangeLog.FILE);
    try (ChangeLog log = new ChangeLog(store)) {
      log.append(List.of(change("a", 1)));
    }
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length + 4096));
    try (ChangeLog log = new ChangeLog(store)) {
      assertThat(log.changes()).containsExactly(change("a", 1));
      log.append(List.of(change("b", 2)));
    }
    try (ChangeLog log = new ChangeLog(store)) {
      assertThat(log.changes()).containsExactly(change("a", 1), change("b", 2));
    }
  }

  @Test
  void damageBeforeTheLastRecordIsRefusedWhateverBitItHits(@TempDir Path folder)
      throws IOException {
    Store store = Store.create(folder);
    Path file = folder.resolve(ChangeLog.FILE);
    long lastBegins;
    try (ChangeLog log = new ChangeLog(store)) {
      log.append(List.of(change("a", 1), change("b", 2)));
      log.append(List.of(change("c", 3)));
      lastBegins = Files.size(file);
      log.append(List.of(change("d", 4)));
    }
    byte[] whole = Files.readAllBytes(file);
    Random random = new Random(1);
    for (int at = 0; at < lastBegins; at++) {
      byte[] damaged = whole.clone();
      damaged[at] ^= (byte) (1 << random.nextInt(8));
      Files.write(file, damaged);
      assertThatThrownBy(() -> new ChangeLog(store))
          .as("byte %d", at)
          .isInstanceOf(ArtifactException.class)
          .hasMessageContaining(file + ": expected ");
      assertThat(Files.readAllBytes(file)).isEqualTo(damaged);
    }
  }

  @Test
  void oneWritesAtATimeAndOthersRead(@TempDir Path folder) {
    Store store = Store.create(folder);
    try (ChangeLog other = new ChangeLog(store)) {
      try (ChangeLog one = new ChangeLog(store)) {
        one.append(List.of(change("a", 1)));
        assertThat(other.reload()).isTrue();
        assertThat(other.reload()).isFalse();
        assertThat(other.changes()).containsExactly(change("a", 1));
        assertThatThrownBy(() -> other.append(List.of(change("b", 2))))
            .isInstanceOf(ArtifactException.class)
            .hasMessageStartingWith(
                folder + ": expected no other to change items, found one at work: process ");
      }
      other.append(List.of(change("b", 2)));
      assertThat(other.changes()).containsExactly(change("a", 1), change("b", 2));
    }
  }

  @Test
  void theFileDoesNotGrowWithRepeatedChanges(@TempDir Path folder) throws IOException {
    Store store = Store.create(folder);
    List<Change> same = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      same.add(change("key" + i, i));
    }
    try (ChangeLog log = new ChangeLog(store)) {
      for (int round = 0; round < 60; round++) {
        log.append(same);
      }
      assertThat(Files.size(folder.resolve(ChangeLog.FILE)))
          .isLessThan(25L * ChangeRecord.encode(same).length);
    }
    try (ChangeLog log = new ChangeLog(store)) {
      assertThat(log.changes()).containsExactlyElementsOf(same);
    }
  }

  private static Change change(String key, long time) {
    return new Change(key, time, Item.builder().put("title", "title of " + key).build());
  }
}
