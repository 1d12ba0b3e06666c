package io.tandem.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Distinct strings and their numbers, 0 until {@link #size()}. Immutable; safe for any number of
 * threads. Keys lie in one block of UTF-8 with offsets and a hash table, so that millions of them
 * cost a few bytes each over their text and open by memory mapping.
 *
 * <p>File: magic, size, slots of the hash table, bytes of text (as ints and one long), then offsets
 * [size + 1], slots, text; all little-endian.
 */
public final class KeyTable {
  private static final long MAGIC = 0x31_53_59_45_4b_4d_44_54L; // TDMKEYS1
  private static final int HEADER = 24;
  private static final int EMPTY = -1;

  private final int size;
  private final IntBuffer offsets;
  private final IntBuffer slots;
  private final ByteBuffer text;

  private KeyTable(int size, IntBuffer offsets, IntBuffer slots, ByteBuffer text) {
    this.size = size;
    this.offsets = offsets;
    this.slots = slots;
    this.text = text;
  }

  /** Number of keys. */
  public int size() {
    return size;
  }

  /** Number of a key, or -1. Allocates nothing. */
  public int indexOf(String key) {
    int mask = slots.capacity() - 1;
    for (int slot = hash(key) & mask; ; slot = (slot + 1) & mask) {
      int index = slots.get(slot);
      if (index == EMPTY) {
        return -1;
      }
      if (Utf8.equals(key, text, offsets.get(index), offsets.get(index + 1))) {
        return index;
      }
    }
  }

  /**
   * Key of a number.
   *
   * @throws IndexOutOfBoundsException outside 0 until size
   */
  public String key(int index) {
    if (index < 0 || index >= size) {
      throw new IndexOutOfBoundsException("key %d of a table of %d".formatted(index, size));
    }
    int start = offsets.get(index);
    byte[] bytes = new byte[offsets.get(index + 1) - start];
    text.get(start, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Writes the table; the same keys give the same bytes. */
  public void write(Path file) {
    ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(MAGIC).putInt(size).putInt(slots.capacity()).putLong(text.capacity()).flip();
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      writeFully(channel, header);
      writeInts(channel, offsets);
      writeInts(channel, slots);
      writeFully(channel, text.duplicate().clear());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Maps a table that {@link #write} wrote.
   *
   * @throws DataException if the file is not one, is cut short, or holds impossible numbers
   */
  public static KeyTable open(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long length = channel.size();
      if (length < HEADER || length > Integer.MAX_VALUE) {
        throw new DataException(
            "%s: %d bytes, expected a key table of at least %d".formatted(file, length, HEADER));
      }
      ByteBuffer all = channel.map(FileChannel.MapMode.READ_ONLY, 0, length);
      return parse(file, all.order(ByteOrder.LITTLE_ENDIAN));
    } catch (IOException e) {
      throw DataException.unreadable(file, e);
    }
  }

  private static KeyTable parse(Path file, ByteBuffer all) {
    int size = all.getInt(8);
    int slotCount = all.getInt(12);
    long textLength = all.getLong(16);
    if (all.getLong(0) != MAGIC) {
      throw new DataException(file + ": not a key table");
    }
    boolean possible =
        size >= 0
            && slotCount > size
            && Integer.bitCount(slotCount) == 1
            && textLength >= 0
            && all.capacity() == HEADER + (size + 1L) * 4 + slotCount * 4L + textLength;
    if (!possible) {
      throw new DataException(
          "%s: %d bytes do not hold the %d keys, %d slots and %d bytes of text that it announces"
              .formatted(file, all.capacity(), size, slotCount, textLength));
    }
    int slotsAt = HEADER + (size + 1) * 4;
    int textAt = slotsAt + slotCount * 4;
    IntBuffer offsets = slice(all, HEADER, slotsAt).asIntBuffer();
    IntBuffer slots = slice(all, slotsAt, textAt).asIntBuffer();
    ByteBuffer text = slice(all, textAt, all.capacity());
    check(file, size, offsets, slots, text);
    return new KeyTable(size, offsets, slots, text);
  }

  private static void check(
      Path file, int size, IntBuffer offsets, IntBuffer slots, ByteBuffer text) {
    int last = 0;
    for (int i = 0; i <= size; i++) {
      int offset = offsets.get(i);
      if (offset < last || offset > text.capacity()) {
        throw new DataException("%s: impossible offset %d of key %d".formatted(file, offset, i));
      }
      last = offset;
    }
    int used = 0;
    for (int i = 0; i < slots.capacity(); i++) {
      int index = slots.get(i);
      if (index < EMPTY || index >= size) {
        throw new DataException("%s: impossible key %d in slot %d".formatted(file, index, i));
      }
      used += index == EMPTY ? 0 : 1;
    }
    if (used != size) {
      throw new DataException("%s: %d keys in slots, expected %d".formatted(file, used, size));
    }
  }

  private static ByteBuffer slice(ByteBuffer all, int from, int to) {
    return all.slice(from, to - from).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void writeInts(FileChannel channel, IntBuffer ints) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < ints.capacity(); i++) {
      if (!chunk.hasRemaining()) {
        writeFully(channel, chunk.flip());
        chunk.clear();
      }
      chunk.putInt(ints.get(i));
    }
    writeFully(channel, chunk.flip());
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static int hash(String key) {
    int h = key.hashCode() * 0x9E3779B1;
    return h ^ (h >>> 15);
  }

  /** Collects keys. Not thread-safe. */
  public static final class Builder {
    private int[] offsets = new int[17];
    private int[] hashes = new int[16];
    private int[] slots = new int[64];
    private byte[] text = new byte[256];
    private int size;

    public Builder() {
      Arrays.fill(slots, EMPTY);
    }

    /** Number of keys so far. */
    public int size() {
      return size;
    }

    /**
     * Number of the key, which is added when it is new.
     *
     * @throws DataException past 2 GB of text
     */
    public int add(String key) {
      int hash = hash(key);
      int slot = slot(key, hash);
      if (slots[slot] != EMPTY) {
        return slots[slot];
      }
      append(key, hash);
      slots[slot] = size - 1;
      if (size * 2 > slots.length) {
        rehash(slots.length * 2);
      }
      return size - 1;
    }

    /** Number of a key, or -1. */
    public int indexOf(String key) {
      int slot = slot(key, hash(key));
      return slots[slot];
    }

    /** The table; the builder must not be used again. */
    public KeyTable build() {
      return new KeyTable(
          size,
          IntBuffer.wrap(Arrays.copyOf(offsets, size + 1)),
          IntBuffer.wrap(slots),
          ByteBuffer.wrap(Arrays.copyOf(text, offsets[size])));
    }

    /** Where the key's number is, or where it would go. */
    private int slot(String key, int hash) {
      int mask = slots.length - 1;
      ByteBuffer bytes = ByteBuffer.wrap(text);
      int slot = hash & mask;
      while (slots[slot] != EMPTY) {
        int index = slots[slot];
        if (hashes[index] == hash && Utf8.equals(key, bytes, offsets[index], offsets[index + 1])) {
          return slot;
        }
        slot = (slot + 1) & mask;
      }
      return slot;
    }

    private void append(String key, int hash) {
      byte[] bytes = key.getBytes(StandardCharsets.UTF_8);
      int start = offsets[size];
      long end = (long) start + bytes.length;
      if (end > Integer.MAX_VALUE - 8 || size > 1 << 28) {
        throw new DataException("more than 2 GB of keys, or more than %d".formatted(1 << 28));
      }
      if (end > text.length) {
        text =
            Arrays.copyOf(
                text, (int) Math.min(Integer.MAX_VALUE - 8, Math.max(end, text.length * 2L)));
      }
      if (size == hashes.length) {
        hashes = Arrays.copyOf(hashes, size * 2);
        offsets = Arrays.copyOf(offsets, size * 2 + 1);
      }
      System.arraycopy(bytes, 0, text, start, bytes.length);
      hashes[size] = hash;
      offsets[++size] = (int) end;
    }

    private void rehash(int length) {
      slots = new int[length];
      Arrays.fill(slots, EMPTY);
      for (int index = 0; index < size; index++) {
        int slot = hashes[index] & (length - 1);
        while (slots[slot] != EMPTY) {
          slot = (slot + 1) & (length - 1);
        }
        slots[slot] = index;
      }
    }
  }
}
