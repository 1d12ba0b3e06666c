package io.tandem.artifact;

import io.tandem.data.Rows;
import io.tandem.feature.Values;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Attributes of items as text, to show beside a hit. Immutable, memory-mapped, safe for any number
 * of threads.
 *
 * <p>Files of column number c: {@code c.ends}, [items] ints, little-endian: where each text ends in
 * {@code c.text}, which is all texts in UTF-8 one after the other. Lists are joined by {@code |}, a
 * time is ISO 8601 in UTC, a missing value is empty.
 */
public final class ItemTexts {
  private final List<String> columns;
  private final List<ByteBuffer> ends;
  private final List<ByteBuffer> texts;

  private ItemTexts(List<String> columns, List<ByteBuffer> ends, List<ByteBuffer> texts) {
    this.columns = columns;
    this.ends = ends;
    this.texts = texts;
  }

  /** Names of the columns, in order. */
  public List<String> columns() {
    return columns;
  }

  /**
   * Value of a column, empty where it is missing.
   *
   * @param row of an item
   * @param column number in {@link #columns()}
   */
  public String text(int row, int column) {
    int from = row == 0 ? 0 : ends.get(column).getInt((row - 1) * Integer.BYTES);
    byte[] bytes = new byte[ends.get(column).getInt(row * Integer.BYTES) - from];
    texts.get(column).get(from, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Writes the texts of items, chunk by chunk. */
  static final class Writer implements Closeable {
    private final String key;
    private final VersionWriter target;
    private final Map<String, ColumnWriter> columns = new TreeMap<>();
    private boolean begun;

    /**
     * @param key the column of the key, which is left out
     */
    Writer(String key, VersionWriter target) {
      this.key = key;
      this.target = target;
    }

    /** Adds the next items; the first tell the columns. Failures come unchecked. */
    void add(Rows rows) {
      if (!begun) {
        begun = true;
        begin(new TreeSet<>(rows.columns().keySet()));
      }
      columns.forEach((name, column) -> column.write(rows.columns().get(name), rows.size()));
    }

    private void begin(Set<String> names) {
      names.remove(key);
      try {
        for (String name : names) {
          columns.put(name, ColumnWriter.create(target, columns.size()));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Names of the columns, in order. */
    List<String> columns() {
      return List.copyOf(columns.keySet());
    }

    @Override
    public void close() throws IOException {
      for (ColumnWriter column : columns.values()) {
        column.close();
      }
    }
  }

  static ItemTexts open(Path folder, List<String> columns, int items) {
    List<ByteBuffer> ends = new ArrayList<>();
    List<ByteBuffer> texts = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      ByteBuffer columnEnds = Mapped.open(folder.resolve(i + ".ends"));
      ByteBuffer columnTexts = Mapped.open(folder.resolve(i + ".text"));
      if (columnEnds.limit() != (long) items * Integer.BYTES) {
        throw ArtifactException.of(
            folder.resolve(i + ".ends"),
            items * (long) Integer.BYTES + " bytes",
            columnEnds.limit());
      }
      int before = 0;
      for (int row = 0; row < items; row++) {
        int end = columnEnds.getInt(row * Integer.BYTES);
        if (end < before || end > columnTexts.limit()) {
          throw ArtifactException.of(
              folder.resolve(i + ".ends"),
              "row %d from %d to %d".formatted(row, before, columnTexts.limit()),
              end);
        }
        before = end;
      }
      ends.add(columnEnds);
      texts.add(columnTexts);
    }
    return new ItemTexts(columns, List.copyOf(ends), List.copyOf(texts));
  }

  /** Writes one column. */
  private static final class ColumnWriter {
    private final OutputStream ends;
    private final OutputStream texts;
    private long end;

    private ColumnWriter(OutputStream ends, OutputStream texts) {
      this.ends = ends;
      this.texts = texts;
    }

    static ColumnWriter create(VersionWriter writer, int column) throws IOException {
      String name = Version.ITEM_TEXTS + "/" + column;
      OutputStream ends = writer.create(name + ".ends");
      try {
        return new ColumnWriter(ends, writer.create(name + ".text"));
      } catch (IOException e) {
        ends.close();
        throw e;
      }
    }

    void write(Rows.@Nullable Column column, int size) {
      try {
        for (int row = 0; row < size; row++) {
          byte[] bytes = text(column, row).getBytes(StandardCharsets.UTF_8);
          texts.write(bytes);
          end += bytes.length;
          LittleEndian.writeInt(ends, Math.toIntExact(end));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    void close() throws IOException {
      try (ends) {
        texts.close();
      }
    }

    private static String text(Rows.@Nullable Column column, int row) {
      if (column instanceof Rows.Column.Text text) {
        return orEmpty(text.values()[row]);
      }
      if (column instanceof Rows.Column.TextList lists) {
        String[] values = lists.values()[row];
        return values == null ? "" : String.join("|", Arrays.asList(values));
      }
      if (column instanceof Rows.Column.Numbers numbers) {
        return orEmpty(Values.text(numbers.values()[row]));
      }
      if (column instanceof Rows.Column.Times times) {
        long time = times.values()[row];
        return time == Long.MIN_VALUE ? "" : Instant.ofEpochSecond(time).toString();
      }
      return "";
    }

    private static String orEmpty(@Nullable String text) {
      return text == null ? "" : text;
    }
  }
}
