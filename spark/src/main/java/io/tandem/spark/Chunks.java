package io.tandem.spark;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Function;
import org.apache.spark.sql.Row;

/** Works through a partition some rows at a time, and holds no more than these. */
final class Chunks implements Iterator<Row> {
  private final Iterator<Row> rows;
  private final int size;
  private final Function<List<Row>, List<Row>> work;
  private Iterator<Row> ready = Collections.emptyIterator();

  /**
   * @param work on a chunk, giving any number of rows
   */
  Chunks(Iterator<Row> rows, int size, Function<List<Row>, List<Row>> work) {
    this.rows = rows;
    this.size = size;
    this.work = work;
  }

  @Override
  public boolean hasNext() {
    while (!ready.hasNext() && rows.hasNext()) {
      ready = work.apply(next(rows, size)).iterator();
    }
    return ready.hasNext();
  }

  @Override
  public Row next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return ready.next();
  }

  /** The next rows, at most so many. */
  static List<Row> next(Iterator<Row> rows, int most) {
    List<Row> chunk = new ArrayList<>();
    while (chunk.size() < most && rows.hasNext()) {
      chunk.add(rows.next());
    }
    return chunk;
  }
}
