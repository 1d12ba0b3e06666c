package io.tandem.artifact;

import io.tandem.data.Dataset;
import io.tandem.data.Interactions;
import io.tandem.data.KeyTable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.IntBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What each known query touched before, oldest first: every interaction of the data set, whichever
 * part of its split it fell into. Immutable, memory-mapped, safe for any number of threads.
 *
 * <p>Files: {@code queries.keys}; {@code offsets}, [queries + 1] ints; {@code rows}, one item row
 * for each interaction. Query q owns positions offsets[q] until offsets[q + 1]. Ints are
 * little-endian.
 */
public final class History {
  private static final String KEYS = "queries.keys";
  private static final String OFFSETS = "offsets";
  private static final String ROWS = "rows";

  private final KeyTable queries;
  private final IntBuffer offsets;
  private final IntBuffer rows;

  private History(KeyTable queries, IntBuffer offsets, IntBuffer rows) {
    this.queries = queries;
    this.offsets = offsets;
    this.rows = rows;
  }

  /** Number of a query, or -1 where it is not known. */
  public int query(String key) {
    return queries.indexOf(key);
  }

  /** Number of items in a query's history, repeated ones included. */
  public int count(int query) {
    return offsets.get(query + 1) - offsets.get(query);
  }

  /** Item row at a place of a query's history, 0 for the oldest. */
  public int row(int query, int place) {
    return rows.get(offsets.get(query) + place);
  }

  static void write(Dataset dataset, VersionWriter writer) throws IOException {
    dataset.queryKeys().write(writer.path(Version.HISTORY + "/" + KEYS));
    Dataset.Split split = dataset.split();
    List<Interactions> parts = List.of(split.train(), split.validation(), split.test());
    int queries = dataset.queryKeys().size();
    try (OutputStream offsets = writer.create(Version.HISTORY + "/" + OFFSETS);
        OutputStream rows = writer.create(Version.HISTORY + "/" + ROWS)) {
      long end = 0;
      LittleEndian.writeInt(offsets, 0);
      for (int query = 0; query < queries; query++) {
        for (Event event : events(parts, query)) {
          LittleEndian.writeInt(rows, event.item());
          end++;
        }
        LittleEndian.writeInt(offsets, Math.toIntExact(end));
      }
    }
  }

  /**
   * Opens what {@link #write} wrote.
   *
   * @param items number of items that rows are numbered in
   */
  static History open(Path folder, int items) {
    KeyTable queries = KeyTable.open(folder.resolve(KEYS));
    IntBuffer offsets = Mapped.open(folder.resolve(OFFSETS)).asIntBuffer();
    IntBuffer rows = Mapped.open(folder.resolve(ROWS)).asIntBuffer();
    if (offsets.limit() != queries.size() + 1) {
      throw ArtifactException.of(
          folder.resolve(OFFSETS), queries.size() + 1 + " numbers", offsets.limit());
    }
    int before = 0;
    for (int i = 0; i < offsets.limit(); i++) {
      int offset = offsets.get(i);
      if (offset < before || offset > rows.limit()) {
        throw ArtifactException.of(
            folder.resolve(OFFSETS),
            "number %d from %d to %d".formatted(i, before, rows.limit()),
            offset);
      }
      before = offset;
    }
    for (int i = 0; i < rows.limit(); i++) {
      if (rows.get(i) < 0 || rows.get(i) >= items) {
        throw ArtifactException.of(
            folder.resolve(ROWS), "number %d below %d".formatted(i, items), rows.get(i));
      }
    }
    return new History(queries, offsets, rows);
  }

  private record Event(int item, long time) {}

  /** A query's interactions over all parts, in order of time where there are times. */
  private static List<Event> events(List<Interactions> parts, int query) {
    List<Event> events = new ArrayList<>();
    boolean times = true;
    for (Interactions part : parts) {
      if (query < part.queries()) {
        times &= part.hasTimes() || part.count(query) == 0;
        for (int position = part.start(query); position < part.end(query); position++) {
          events.add(new Event(part.item(position), part.time(position)));
        }
      }
    }
    if (times) {
      events.sort(Comparator.comparingLong(Event::time));
    }
    return events;
  }
}
