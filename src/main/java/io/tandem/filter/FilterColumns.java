package io.tandem.filter;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.tandem.config.FeatureSpec;
import io.tandem.data.DataException;
import io.tandem.data.Rows;
import io.tandem.feature.FeatureValues;
import io.tandem.feature.RowValues;
import io.tandem.index.RowSet;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.roaringbitmap.buffer.MutableRoaringBitmap;

/**
 * The columns that items can be filtered by, and the evaluation of filters over them: for all items
 * of a version at once with bitmaps, or for one item from its raw values. Immutable, memory-mapped,
 * safe for any number of threads.
 *
 * <p>{@code columns.json} names the columns; {@link CategoryColumn} and {@link NumberColumn} say
 * what files number c has. A column of more than {@value CategoryColumn#LIMIT} distinct texts is
 * named but left out.
 */
public final class FilterColumns {
  /** The file that names the columns. */
  public static final String COLUMNS = "columns.json";

  private static final int FORMAT = 1;
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private final int items;
  private final Map<String, ColumnInfo> infos = new LinkedHashMap<>();
  private final Map<String, FilterColumn> columns = new LinkedHashMap<>();

  private FilterColumns(int items) {
    this.items = items;
  }

  /** Where columns are written to. */
  public interface Target {
    /** Where to write a file of some name. */
    Path path(String name) throws IOException;

    /** A new file. */
    OutputStream create(String name) throws IOException;
  }

  @JsonInclude(JsonInclude.Include.NON_NULL)
  private record Header(int format, int items, List<ColumnInfo> columns) {}

  /** No columns, for what was published without any. */
  public static FilterColumns none(int items) {
    return new FilterColumns(items);
  }

  /** Gathers the columns of items, chunk by chunk, and writes them. */
  public static final class Writer {
    private final String key;
    private final List<FeatureSpec> features;
    private final Map<String, ColumnBuilder> builders = new LinkedHashMap<>();
    private int items;

    /**
     * @param key column of the items' key, which is no attribute
     * @param features of items, which say how columns are to be read
     */
    public Writer(String key, List<FeatureSpec> features) {
      this.key = key;
      this.features = features;
    }

    /** Adds the next items; the first tell the columns. */
    public void add(Rows rows) {
      if (items == 0) {
        rows.columns()
            .forEach((name, column) -> builders.put(name, builder(name, column, features)));
        builders.remove(key);
      }
      RowValues values = new RowValues(rows, Set.of());
      for (int row = 0; row < rows.size(); row++) {
        RowValues item = values.at(row);
        for (ColumnBuilder builder : builders.values()) {
          builder.add(items + row, item);
        }
      }
      items += rows.size();
    }

    /** Writes the columns of all that was added. */
    public void write(Target target) throws IOException {
      List<ColumnInfo> infos = new ArrayList<>();
      for (ColumnBuilder builder : builders.values()) {
        if (builder.info().leftOut() == null) {
          builder.write(target, infos.size());
        }
        infos.add(builder.info());
      }
      try (OutputStream out = target.create(COLUMNS)) {
        out.write(JSON.writeValueAsBytes(new Header(FORMAT, items, infos)));
      }
    }
  }

  private static ColumnBuilder builder(
      String name, Rows.Column column, List<FeatureSpec> features) {
    ColumnInfo info = ColumnInfo.of(name, column, features);
    return info.kind() == ColumnInfo.Kind.CATEGORIES
        ? new CategoryColumn.Builder(info)
        : new NumberColumn.Builder(info);
  }

  /**
   * Opens what a {@link Writer} wrote.
   *
   * @param items number of items that rows are numbered in
   * @throws DataException if files are missing, damaged, or of another number of items
   */
  public static FilterColumns open(Path folder, int items) {
    Path file = folder.resolve(COLUMNS);
    Header header;
    try {
      header = JSON.readValue(file.toFile(), Header.class);
    } catch (IOException e) {
      throw new DataException(file + ": cannot be read: " + e.getMessage(), e);
    }
    if (header.format != FORMAT || header.items != items) {
      throw new DataException(
          "%s: expected format %d and %d items, found %d and %d"
              .formatted(file, FORMAT, items, header.format, header.items));
    }
    FilterColumns opened = new FilterColumns(items);
    for (int i = 0; i < header.columns.size(); i++) {
      ColumnInfo info = header.columns.get(i);
      opened.infos.put(info.name(), info);
      if (info.leftOut() == null) {
        opened.columns.put(info.name(), column(info, folder, i));
      }
    }
    return opened;
  }

  private static FilterColumn column(ColumnInfo info, Path folder, int number) {
    Path values = folder.resolve(number + ".values");
    Path rows = folder.resolve(number + ".rows");
    return info.kind() == ColumnInfo.Kind.CATEGORIES
        ? CategoryColumn.open(info, values, rows)
        : NumberColumn.open(info, values, rows);
  }

  /** Names of the columns that can be filtered by, in the order of the source. */
  public List<String> names() {
    return List.copyOf(columns.keySet());
  }

  /**
   * The items that satisfy a filter.
   *
   * @throws FilterException if it names a column that is not there, or compares one with what it
   *     does not hold
   */
  public RowSet rows(Filter filter) {
    return RowSet.of(items, bitmap(filter).toArray());
  }

  /**
   * Whether one item satisfies a filter, from its raw values: as it would as a row of the columns.
   *
   * @throws FilterException as {@link #rows}
   */
  public boolean matches(Filter filter, FeatureValues item) {
    if (filter instanceof Filter.In in) {
      return matches(in, item);
    }
    if (filter instanceof Filter.Range range) {
      return matches(range, item);
    }
    if (filter instanceof Filter.Missing missing) {
      ColumnInfo info = info(missing.column());
      return info.kind() == ColumnInfo.Kind.CATEGORIES
          ? info.texts(item).isEmpty()
          : Double.isNaN(info.number(item));
    }
    if (filter instanceof Filter.And and) {
      boolean all = true;
      for (Filter part : and.all()) {
        // Every part is looked at, so that a mistake in one is never hidden by another.
        all &= matches(part, item);
      }
      return all;
    }
    if (filter instanceof Filter.Or or) {
      boolean any = false;
      for (Filter part : or.any()) {
        any |= matches(part, item);
      }
      return any;
    }
    if (filter instanceof Filter.Not not) {
      return !matches(not.filter(), item);
    }
    throw new IllegalStateException("no evaluation of " + filter.getClass());
  }

  private boolean matches(Filter.In in, FeatureValues item) {
    ColumnInfo info = info(in.column());
    boolean found = false;
    for (Filter.Value value : in.values()) {
      found |=
          info.kind() == ColumnInfo.Kind.CATEGORIES
              ? info.texts(item).contains(Comparisons.text(value))
              : info.number(item) == Comparisons.number(info, value);
    }
    return found;
  }

  private boolean matches(Filter.Range range, FeatureValues item) {
    ColumnInfo info = Comparisons.requireOrdered(info(range.column()));
    double number = info.number(item);
    boolean inside = !Double.isNaN(number);
    Filter.Bound low = range.low();
    if (low != null) {
      double bound = Comparisons.number(info, low.value());
      inside &= number > bound || (FilterText.included(low) && number == bound);
    }
    Filter.Bound high = range.high();
    if (high != null) {
      double bound = Comparisons.number(info, high.value());
      inside &= number < bound || (FilterText.included(high) && number == bound);
    }
    return inside;
  }

  private MutableRoaringBitmap bitmap(Filter filter) {
    if (filter instanceof Filter.In in) {
      return column(in.column()).in(in);
    }
    if (filter instanceof Filter.Range range) {
      return column(range.column()).range(range);
    }
    if (filter instanceof Filter.Missing missing) {
      return column(missing.column()).missing();
    }
    if (filter instanceof Filter.And and) {
      MutableRoaringBitmap all = bitmap(and.all().get(0));
      for (Filter part : and.all().subList(1, and.all().size())) {
        all.and(bitmap(part));
      }
      return all;
    }
    if (filter instanceof Filter.Or or) {
      MutableRoaringBitmap any = bitmap(or.any().get(0));
      for (Filter part : or.any().subList(1, or.any().size())) {
        any.or(bitmap(part));
      }
      return any;
    }
    if (filter instanceof Filter.Not not) {
      MutableRoaringBitmap rows = bitmap(not.filter());
      rows.flip(0L, items);
      return rows;
    }
    throw new IllegalStateException("no evaluation of " + filter.getClass());
  }

  private FilterColumn column(String name) {
    info(name);
    FilterColumn column = columns.get(name);
    if (column == null) {
      throw new IllegalStateException("column " + name + " was not opened");
    }
    return column;
  }

  private ColumnInfo info(String name) {
    ColumnInfo info = infos.get(name);
    if (info == null) {
      throw new FilterException("filter: no column '%s'; %s".formatted(name, known()));
    }
    if (info.leftOut() != null) {
      throw new FilterException(
          "filter: column '%s' cannot be filtered by: %s; %s"
              .formatted(name, info.leftOut(), known()));
    }
    return info;
  }

  private String known() {
    if (columns.isEmpty()) {
      return "this version has no columns to filter by";
    }
    return infos.values().stream()
        .filter(info -> columns.containsKey(info.name()))
        .map(info -> "%s (%s)".formatted(info.name(), info.kind().name().toLowerCase(Locale.ROOT)))
        .collect(Collectors.joining(", ", "the columns are ", ""));
  }
}
