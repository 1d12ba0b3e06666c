package io.tandem.retrieval;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Changes as one record of the log: all of them are read back, or none.
 *
 * <p>Bytes, big-endian: length of the content, CRC32C of those four bytes, CRC32C of the content;
 * then the content. The length has a checksum of its own, so that a damaged one is never believed.
 */
final class ChangeRecord {
  static final int HEADER = 12;

  private ChangeRecord() {}

  static byte[] encode(List<Change> changes) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(changes.size());
      for (Change change : changes) {
        write(change, out);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("memory does not fail", e);
    }
    byte[] content = bytes.toByteArray();
    ByteBuffer record = ByteBuffer.allocate(HEADER + content.length);
    record.putInt(content.length);
    record.putInt(crc(record.array(), 0, Integer.BYTES));
    record.putInt(crc(content, 0, content.length));
    return record.put(content).array();
  }

  /** Where a record ends whose length is undamaged and lies within the log; else -1. */
  static int announcedEnd(byte[] log, int at) {
    if (log.length - at < HEADER) {
      return -1;
    }
    ByteBuffer header = ByteBuffer.wrap(log, at, HEADER);
    int length = header.getInt();
    boolean believed = header.getInt() == crc(log, at, Integer.BYTES) && length >= Integer.BYTES;
    return believed && length <= log.length - at - HEADER ? at + HEADER + length : -1;
  }

  /** Length of the whole record at a place, or -1 where none is whole and undamaged. */
  static int length(byte[] log, int at) {
    int end = announcedEnd(log, at);
    if (end < 0) {
      return -1;
    }
    int expected = ByteBuffer.wrap(log, at, HEADER).getInt(at + 2 * Integer.BYTES);
    return expected == crc(log, at + HEADER, end - at - HEADER) ? end - at : -1;
  }

  /**
   * Changes of a whole record.
   *
   * @throws IOException if the content, though its checksum is right, is not of this format
   */
  static List<Change> decode(byte[] log, int at) throws IOException {
    int length = length(log, at);
    List<Change> changes = new ArrayList<>();
    try (DataInputStream in =
        new DataInputStream(new ByteArrayInputStream(log, at + HEADER, length - HEADER))) {
      int count = in.readInt();
      for (int i = 0; i < count; i++) {
        changes.add(read(in));
      }
    }
    return changes;
  }

  private static void write(Change change, DataOutputStream out) throws IOException {
    text(change.key(), out);
    out.writeLong(change.time());
    Item item = change.item();
    out.writeBoolean(item != null);
    if (item == null) {
      return;
    }
    out.writeInt(item.values().size());
    for (Map.Entry<String, Object> value : item.values().entrySet()) {
      text(value.getKey(), out);
      value(value.getValue(), out);
    }
  }

  private static void value(Object value, DataOutputStream out) throws IOException {
    if (value instanceof String text) {
      out.writeByte('s');
      text(text, out);
    } else if (value instanceof Double number) {
      out.writeByte('n');
      out.writeDouble(number);
    } else if (value instanceof Instant time) {
      out.writeByte('t');
      out.writeLong(time.getEpochSecond());
    } else {
      List<String> list = Raw.strings((List<?>) value);
      out.writeByte('l');
      out.writeInt(list.size());
      for (String text : list) {
        text(text, out);
      }
    }
  }

  private static Change read(DataInputStream in) throws IOException {
    String key = text(in);
    long time = in.readLong();
    return new Change(key, time, in.readBoolean() ? item(in) : null);
  }

  private static @Nullable Item item(DataInputStream in) throws IOException {
    Item.Builder item = Item.builder();
    int count = in.readInt();
    for (int i = 0; i < count; i++) {
      String column = text(in);
      int kind = in.readUnsignedByte();
      switch (kind) {
        case 's' -> item.put(column, text(in));
        case 'n' -> item.put(column, in.readDouble());
        case 't' -> item.putTime(column, Instant.ofEpochSecond(in.readLong()));
        case 'l' -> {
          int size = in.readInt();
          List<String> list = new ArrayList<>();
          for (int j = 0; j < size; j++) {
            list.add(text(in));
          }
          item.putList(column, list);
        }
        default -> throw new IOException("a value of kind " + kind);
      }
    }
    return item.build();
  }

  private static void text(String text, DataOutputStream out) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private static String text(DataInputStream in) throws IOException {
    int length = in.readInt();
    if (length < 0 || length > in.available()) {
      throw new IOException(
          "a text of %d bytes where %d are left".formatted(length, in.available()));
    }
    return new String(in.readNBytes(length), StandardCharsets.UTF_8);
  }

  private static int crc(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return (int) crc.getValue();
  }
}
