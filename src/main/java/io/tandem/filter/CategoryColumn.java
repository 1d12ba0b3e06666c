package io.tandem.filter;

import io.tandem.data.DataException;
import io.tandem.data.KeyTable;
import io.tandem.feature.FeatureValues;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.buffer.ImmutableRoaringBitmap;
import org.roaringbitmap.buffer.MutableRoaringBitmap;

/**
 * A bitmap of rows for each text, and one for rows without any, memory-mapped.
 *
 * <p>Files: {@code c.values}, a key table; {@code c.rows}: [values + 2] longs, little-endian, where
 * each bitmap begins and the last ends, then the bitmaps in RoaringBitmap's portable format.
 */
final class CategoryColumn implements FilterColumn {
  /** Distinct texts up to which a column is kept. */
  static final int LIMIT = 100_000;

  /** Characters of distinct texts up to which a column is kept. */
  private static final int CHARACTERS = 1 << 24;

  private final ColumnInfo info;
  private final KeyTable values;
  private final ByteBuffer rows;

  private CategoryColumn(ColumnInfo info, KeyTable values, ByteBuffer rows) {
    this.info = info;
    this.values = values;
    this.rows = rows;
  }

  static CategoryColumn open(ColumnInfo info, Path values, Path rowsFile) {
    KeyTable table = KeyTable.open(values);
    ByteBuffer rows = ColumnFiles.map(rowsFile);
    long header = (table.size() + 2L) * Long.BYTES;
    long before = header;
    for (int i = 0; i < table.size() + 2; i++) {
      long offset = rows.limit() < header ? -1 : rows.getLong(i * Long.BYTES);
      if (offset < before || offset > rows.limit() || (i == 0 && offset != header)) {
        throw new DataException(
            "%s: expected bitmap %d from %d to %d, found %d"
                .formatted(rowsFile, i, before, rows.limit(), offset));
      }
      before = offset;
    }
    return new CategoryColumn(info, table, rows);
  }

  @Override
  public MutableRoaringBitmap in(Filter.In filter) {
    MutableRoaringBitmap found = new MutableRoaringBitmap();
    for (Filter.Value value : filter.values()) {
      int at = values.indexOf(Comparisons.text(value));
      if (at >= 0) {
        found.or(bitmap(at));
      }
    }
    return found;
  }

  @Override
  public MutableRoaringBitmap range(Filter.Range filter) {
    throw new IllegalStateException(Comparisons.requireOrdered(info).name());
  }

  @Override
  public MutableRoaringBitmap missing() {
    return bitmap(values.size()).toMutableRoaringBitmap();
  }

  private ImmutableRoaringBitmap bitmap(int at) {
    int from = (int) rows.getLong(at * Long.BYTES);
    int to = (int) rows.getLong((at + 1) * Long.BYTES);
    return new ImmutableRoaringBitmap(
        rows.duplicate().position(from).limit(to).slice().order(ByteOrder.LITTLE_ENDIAN));
  }

  /** Collects a column's rows, in ascending order. */
  static final class Builder implements ColumnBuilder {
    private final ColumnInfo info;
    private final KeyTable.Builder values = new KeyTable.Builder();
    private final List<MutableRoaringBitmap> rows = new ArrayList<>();
    private final MutableRoaringBitmap missing = new MutableRoaringBitmap();
    private long characters;
    private @Nullable String leftOut;

    Builder(ColumnInfo info) {
      this.info = info;
    }

    @Override
    public void add(int row, FeatureValues item) {
      if (leftOut != null) {
        return;
      }
      List<String> texts = info.texts(item);
      if (texts.isEmpty()) {
        missing.add(row);
      }
      for (String text : texts) {
        int value = values.add(text);
        if (value == rows.size()) {
          rows.add(new MutableRoaringBitmap());
          characters += text.length();
        }
        rows.get(value).add(row);
      }
      if (rows.size() > LIMIT || characters > CHARACTERS) {
        leftOut =
            rows.size() > LIMIT
                ? "it has more than %,d distinct values".formatted(LIMIT)
                : "its distinct values have more than %,d characters".formatted(CHARACTERS);
        rows.clear();
      }
    }

    @Override
    public ColumnInfo info() {
      return leftOut == null ? info : info.without(leftOut);
    }

    @Override
    public void write(FilterColumns.Target target, int number) throws IOException {
      values.build().write(target.path(number + ".values"));
      rows.add(missing);
      try (OutputStream out = target.create(number + ".rows")) {
        ByteBuffer offsets =
            ByteBuffer.allocate((rows.size() + 1) * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long end = offsets.capacity();
        offsets.putLong(end);
        for (MutableRoaringBitmap bitmap : rows) {
          bitmap.runOptimize();
          end += bitmap.serializedSizeInBytes();
          offsets.putLong(end);
        }
        out.write(offsets.array());
        for (MutableRoaringBitmap bitmap : rows) {
          ByteBuffer bytes = ByteBuffer.allocate(bitmap.serializedSizeInBytes());
          bitmap.serialize(bytes);
          out.write(bytes.array());
        }
      }
    }
  }
}
