package io.tandem.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class KeyTableTest {
  @TempDir Path folder;

  @Property(tries = 100)
  void keysAreNumberedInOrderOfFirstAppearance(@ForAll("keys") List<String> keys)
      throws IOException {
    Set<String> distinct = new LinkedHashSet<>(keys);
    KeyTable.Builder builder = new KeyTable.Builder();
    List<Integer> numbers = keys.stream().map(builder::add).toList();
    KeyTable built = builder.build();
    Path file = Files.createTempFile("keys", ".bin");
    try {
      built.write(file);

      for (KeyTable table : List.of(built, KeyTable.open(file))) {
        assertThat(table.size()).isEqualTo(distinct.size());
        int number = 0;
        for (String key : distinct) {
          assertThat(table.key(number)).isEqualTo(key);
          assertThat(table.indexOf(key)).isEqualTo(number++);
          if (!distinct.contains(key + "x")) {
            assertThat(table.indexOf(key + "x")).isEqualTo(-1);
          }
        }
        assertThat(numbers).isEqualTo(keys.stream().map(table::indexOf).toList());
      }
    } finally {
      Files.delete(file);
    }
  }

  @Provide
  Arbitrary<List<String>> keys() {
    Arbitrary<String> texts =
        Arbitraries.oneOf(
            Arbitraries.integers().between(0, 300).map(String::valueOf),
            Arbitraries.of("", "é", "e\u0301", "日本", "😀", "😀😀", "\u0000", "a\tb"),
            // Two pairs with one Java hash code.
            Arbitraries.of("Aa", "BB", "AaAa", "BBBB", "AaBB", "BBAa"));
    return texts.list().ofMaxSize(200);
  }

  @Test
  void emptyTableKnowsNothing() {
    KeyTable table = new KeyTable.Builder().build();

    assertThat(table.size()).isZero();
    assertThat(table.indexOf("a")).isEqualTo(-1);
    assertThatThrownBy(() -> table.key(0)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void numbersOutsideTheTableAreRefused() {
    KeyTable table = table("a", "b");

    assertThatThrownBy(() -> table.key(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> table.key(2))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("key 2 of a table of 2");
  }

  @Test
  void sameKeysGiveTheSameBytes() throws IOException {
    Path one = folder.resolve("one");
    Path other = folder.resolve("other");

    table("a", "b", "a", "c").write(one);
    table("a", "b", "c").write(other);

    assertThat(one).hasSameBinaryContentAs(other);
  }

  @Test
  void fileCutShortAnywhereIsRefused() throws IOException {
    byte[] whole = bytes(table("alpha", "beta", "gamma"));

    for (int length = 0; length < whole.length; length++) {
      Path cut = Files.write(folder.resolve("cut"), Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> KeyTable.open(cut))
          .as("%d of %d bytes", length, whole.length)
          .isInstanceOf(DataException.class)
          .hasMessageContaining("cut");
    }
  }

  @Test
  void fileThatIsNoKeyTableIsRefused() throws IOException {
    Path text = Files.writeString(folder.resolve("text"), "key,value\n".repeat(10));
    Path longer =
        Files.write(
            folder.resolve("longer"), new byte[100], java.nio.file.StandardOpenOption.CREATE);

    assertThatThrownBy(() -> KeyTable.open(text)).isInstanceOf(DataException.class);
    assertThatThrownBy(() -> KeyTable.open(longer)).isInstanceOf(DataException.class);
    assertThatThrownBy(() -> KeyTable.open(folder.resolve("absent")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("absent");
  }

  /** Whatever number in the file is wrong, the table is refused or answers within its bounds. */
  @Test
  void damagedNumbersNeverLeadOutsideTheTable() throws IOException {
    KeyTable good = table("alpha", "beta", "gamma");
    byte[] whole = bytes(good);

    for (int at = 0; at + 4 <= whole.length; at++) {
      for (int value : new int[] {-2, -1, 0, 1, 2, 3, 7, 1 << 20, Integer.MAX_VALUE}) {
        byte[] damaged = whole.clone();
        ByteBuffer.wrap(damaged).order(ByteOrder.LITTLE_ENDIAN).putInt(at, value);
        KeyTable table;
        try {
          table = KeyTable.open(Files.write(folder.resolve("damaged"), damaged));
        } catch (DataException refused) {
          continue;
        }
        assertThat(table.size()).isEqualTo(good.size());
        for (String key : List.of("alpha", "beta", "gamma", "delta", "")) {
          assertThat(table.indexOf(key)).isBetween(-1, 2);
        }
        List<String> keys = new ArrayList<>();
        for (int i = 0; i < table.size(); i++) {
          keys.add(table.key(i));
        }
        assertThat(keys).hasSize(3);
      }
    }
  }

  private byte[] bytes(KeyTable table) throws IOException {
    Path file = folder.resolve("whole");
    table.write(file);
    return Files.readAllBytes(file);
  }

  private static KeyTable table(String... keys) {
    KeyTable.Builder builder = new KeyTable.Builder();
    for (String key : keys) {
      builder.add(key);
    }
    return builder.build();
  }
}
