package io.tandem.filter;

import io.tandem.data.DataException;
import io.tandem.feature.FeatureValues;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import org.roaringbitmap.RangeBitmap;
import org.roaringbitmap.RoaringBitmap;
import org.roaringbitmap.buffer.MutableRoaringBitmap;

/**
 * Numbers as ranks among the distinct ones, bit-sliced (O'Neil and Quass 1997), memory-mapped: a
 * range costs one bitmap operation for each bit of a rank, however many rows lie in it, and no
 * number is rounded. Rows without a number have the rank after the last.
 *
 * <p>Files: {@code c.values}, the distinct numbers, ascending doubles, little-endian; {@code
 * c.rows}, RoaringBitmap's {@link RangeBitmap} over ranks.
 */
final class NumberColumn implements FilterColumn {
  private final ColumnInfo info;
  private final DoubleBuffer values;
  private final RangeBitmap ranks;

  private NumberColumn(ColumnInfo info, DoubleBuffer values, RangeBitmap ranks) {
    this.info = info;
    this.values = values;
    this.ranks = ranks;
  }

  static NumberColumn open(ColumnInfo info, Path valuesFile, Path rowsFile) {
    DoubleBuffer values = ColumnFiles.map(valuesFile).asDoubleBuffer();
    for (int i = 0; i < values.limit(); i++) {
      double value = values.get(i);
      if (Double.isNaN(value) || (i > 0 && value <= values.get(i - 1))) {
        throw new DataException(
            "%s: expected ascending numbers, found %s at %d".formatted(valuesFile, value, i));
      }
    }
    try {
      return new NumberColumn(info, values, RangeBitmap.map(ColumnFiles.map(rowsFile)));
    } catch (RuntimeException e) {
      throw new DataException(rowsFile + ": expected a bit-sliced bitmap: " + e.getMessage(), e);
    }
  }

  @Override
  public MutableRoaringBitmap in(Filter.In filter) {
    RoaringBitmap found = new RoaringBitmap();
    for (Filter.Value value : filter.values()) {
      int rank = firstFrom(Comparisons.number(info, value), true);
      if (rank < values.limit() && values.get(rank) == Comparisons.number(info, value)) {
        found.or(ranks.eq(rank));
      }
    }
    return found.toMutableRoaringBitmap();
  }

  @Override
  public MutableRoaringBitmap range(Filter.Range filter) {
    Filter.Bound low = filter.low();
    Filter.Bound high = filter.high();
    int from =
        low == null
            ? 0
            : firstFrom(Comparisons.number(info, low.value()), FilterText.included(low));
    int to =
        high == null
            ? values.limit()
            : firstFrom(Comparisons.number(info, high.value()), !FilterText.included(high));
    return from >= to
        ? new MutableRoaringBitmap()
        : ranks.between(from, to - 1).toMutableRoaringBitmap();
  }

  @Override
  public MutableRoaringBitmap missing() {
    return ranks.eq(values.limit()).toMutableRoaringBitmap();
  }

  /** Rank of the first number that is above a bound or, where that counts, equal to it. */
  private int firstFrom(double bound, boolean equalCounts) {
    int low = 0;
    int high = values.limit();
    while (low < high) {
      int middle = (low + high) >>> 1;
      double value = values.get(middle);
      if (value > bound || (equalCounts && value == bound)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** Collects a column's numbers. */
  static final class Builder implements ColumnBuilder {
    private final ColumnInfo info;
    private double[] numbers = new double[1024];
    private int count;

    Builder(ColumnInfo info) {
      this.info = info;
    }

    @Override
    public void add(int row, FeatureValues item) {
      if (row != count) {
        throw new IllegalArgumentException("expected row %d, found %d".formatted(count, row));
      }
      if (count == numbers.length) {
        numbers = Arrays.copyOf(numbers, count * 2);
      }
      numbers[count++] = info.number(item);
    }

    @Override
    public ColumnInfo info() {
      return info;
    }

    @Override
    public void write(FilterColumns.Target target, int number) throws IOException {
      double[] distinct =
          Arrays.stream(numbers, 0, count)
              .filter(value -> !Double.isNaN(value))
              .sorted()
              .distinct()
              .toArray();
      ByteBuffer values =
          ByteBuffer.allocate(distinct.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      values.asDoubleBuffer().put(distinct);
      try (OutputStream out = target.create(number + ".values")) {
        out.write(values.array());
      }
      RangeBitmap.Appender appender = RangeBitmap.appender(Math.max(1, distinct.length));
      for (int row = 0; row < count; row++) {
        double value = numbers[row];
        appender.add(Double.isNaN(value) ? distinct.length : Arrays.binarySearch(distinct, value));
      }
      ByteBuffer ranks =
          ByteBuffer.allocate(appender.serializedSizeInBytes()).order(ByteOrder.LITTLE_ENDIAN);
      appender.serialize(ranks);
      try (OutputStream out = target.create(number + ".rows")) {
        out.write(ranks.array());
      }
    }
  }
}
