package io.tandem.retrieval;

import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.OpenVersion.QuerySide;
import io.tandem.config.FeatureSpec;
import io.tandem.index.RowSet;
import io.tandem.index.VectorIndex;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One open version and the retrievals that use it. It is closed when it was given up and the last
 * retrieval has ended, so that no search ever meets freed memory. No lock anywhere.
 */
final class Snapshot {
  /**
   * Exclusions up to which more hits are asked for and filtered; a filter inside the search costs a
   * bit set over all rows, but not a wider search.
   */
  private static final int FILTERED_AFTERWARDS = 256;

  private final OpenVersion version;
  private final VectorIndex index;
  private final Set<String> keyColumns;
  private final Map<String, Integer> sequences;
  private final ConcurrentLinkedQueue<Scratch> pool = new ConcurrentLinkedQueue<>();

  /** Retrievals at work, and one more until {@link #giveUp}. */
  private final AtomicInteger users = new AtomicInteger(1);

  Snapshot(OpenVersion version) {
    this.version = version;
    index = version.index();
    QuerySide querySide = version.querySide();
    Set<String> columns = new HashSet<>();
    columns.add(version.version().manifest().queryKey());
    Map<String, Integer> lengths = new HashMap<>();
    if (querySide != null) {
      columns.addAll(querySide.features().queryKeyColumns());
      for (FeatureSpec feature : querySide.features().spec().query()) {
        if (feature instanceof FeatureSpec.Sequence sequence) {
          lengths.put(sequence.name(), sequence.maxLength());
        }
      }
    }
    keyColumns = Set.copyOf(columns);
    sequences = Map.copyOf(lengths);
  }

  OpenVersion version() {
    return version;
  }

  /** Whether the snapshot may be used; every true must be followed by one {@link #release}. */
  boolean acquire() {
    int now = users.get();
    while (now > 0) {
      if (users.compareAndSet(now, now + 1)) {
        return true;
      }
      now = users.get();
    }
    return false;
  }

  void release() {
    if (users.decrementAndGet() == 0) {
      version.close();
    }
  }

  /** Lets the version close once nobody uses it; called once. */
  void giveUp() {
    release();
  }

  List<Hit> retrieve(Query query, Retrieve request) {
    Scratch scratch = borrow();
    try {
      int known = known(query);
      embed(query, known, scratch);
      exclude(query, known, request, scratch);
      search(request.k(), scratch);
      return hits(scratch);
    } finally {
      pool.offer(scratch);
    }
  }

  /** As one by one, but with one search for all of those that exclude little. */
  List<List<Hit>> retrieve(List<Query> queries, Retrieve request) {
    int n = queries.size();
    int dimension = index.dimension();
    float[] vectors = new float[n * dimension];
    int[][] excluded = new int[n][];
    int most = 0;
    Scratch scratch = borrow();
    try {
      for (int i = 0; i < n; i++) {
        Query query = queries.get(i);
        int known = known(query);
        embed(query, known, scratch);
        System.arraycopy(scratch.vector, 0, vectors, i * dimension, dimension);
        exclude(query, known, request, scratch);
        excluded[i] = Arrays.copyOf(scratch.excluded(), scratch.excludedCount());
        if (excluded[i].length <= FILTERED_AFTERWARDS) {
          most = Math.max(most, excluded[i].length);
        }
      }
      int fetch = (int) Math.min(index.size(), (long) request.k() + most);
      int[] rows = new int[Math.multiplyExact(n, fetch)];
      float[] scores = new float[rows.length];
      index.search(vectors, n, fetch, rows, scores);
      List<List<Hit>> answers = new ArrayList<>(n);
      for (int i = 0; i < n; i++) {
        System.arraycopy(vectors, i * dimension, scratch.vector, 0, dimension);
        scratch.clearExcluded();
        for (int row : excluded[i]) {
          scratch.exclude(row);
        }
        scratch.hits.reset(fetch);
        for (int at = i * fetch; at < (i + 1) * fetch && rows[at] >= 0; at++) {
          scratch.hits.add(rows[at], scores[at]);
        }
        keepAllowed(request.k(), scratch);
        answers.add(hits(scratch));
      }
      return answers;
    } finally {
      pool.offer(scratch);
    }
  }

  List<Hit> similar(String item, int k) {
    int row = version.items().indexOf(item);
    if (row < 0) {
      throw new IllegalArgumentException(
          "expected the key of one of %d items, found '%s'".formatted(index.size(), item));
    }
    Scratch scratch = borrow();
    try {
      index.vector(row, scratch.vector);
      scratch.clearExcluded();
      scratch.exclude(row);
      search(k, scratch);
      return hits(scratch);
    } finally {
      pool.offer(scratch);
    }
  }

  private Scratch borrow() {
    Scratch scratch = pool.poll();
    return scratch == null ? new Scratch(index.dimension(), version.querySide()) : scratch;
  }

  /** Number of the query in the stored history, or -1. */
  private int known(Query query) {
    for (String column : keyColumns) {
      String key = QueryValues.text(query.value(column));
      int known = key == null ? -1 : version.history().query(key);
      if (known >= 0) {
        return known;
      }
    }
    return -1;
  }

  private void embed(Query query, int known, Scratch scratch) {
    QuerySide querySide = version.querySide();
    if (querySide == null || scratch.batch == null || scratch.tower == null) {
      scratch.vector[0] = 1;
      return;
    }
    scratch.batch.clear();
    QueryValues values =
        new QueryValues(query, known, version.history(), version.items(), sequences);
    querySide.features().queries().encode(values, scratch.batch);
    querySide.tower().embed(scratch.batch, 0, scratch.tower, scratch.vector);
  }

  private void exclude(Query query, int known, Retrieve request, Scratch scratch) {
    scratch.clearExcluded();
    for (String item : request.excluded()) {
      scratch.exclude(version.items().indexOf(item));
    }
    if (request.seen() == Retrieve.Seen.EXCLUDED) {
      int count = known < 0 ? 0 : version.history().count(known);
      for (int place = 0; place < count; place++) {
        scratch.exclude(version.history().row(known, place));
      }
      excludeGiven(query, scratch);
    }
    scratch.sortExcluded();
  }

  private void excludeGiven(Query query, Scratch scratch) {
    query
        .values()
        .forEach(
            (name, value) -> {
              boolean sequence = version.querySide() == null || sequences.containsKey(name);
              if (sequence && value instanceof List<?> list) {
                for (String item : QueryValues.strings(list)) {
                  scratch.exclude(version.items().indexOf(item));
                }
              }
            });
  }

  private void search(int k, Scratch scratch) {
    int excluded = scratch.excludedCount();
    if (excluded > FILTERED_AFTERWARDS) {
      searchFiltered(k, scratch);
    } else {
      int fetch = (int) Math.min(index.size(), (long) k + excluded);
      index.search(scratch.vector, fetch, scratch.hits);
      keepAllowed(k, scratch);
    }
  }

  /** Drops excluded hits; asks again where too few are left. */
  private void keepAllowed(int k, Scratch scratch) {
    if (scratch.excludedCount() > 0) {
      scratch.hits.removeIf(scratch::isExcluded);
      if (scratch.hits.size() < Math.min(k, index.size() - scratch.excludedCount())) {
        searchFiltered(k, scratch);
      }
    }
    scratch.hits.truncate(k);
  }

  private void searchFiltered(int k, Scratch scratch) {
    RowSet allowed = RowSet.allBut(index.size(), scratch.excluded(), scratch.excludedCount());
    index.search(scratch.vector, k, allowed, scratch.hits);
  }

  private List<Hit> hits(Scratch scratch) {
    List<Hit> hits = new ArrayList<>(scratch.hits.size());
    for (int rank = 0; rank < scratch.hits.size(); rank++) {
      hits.add(new Hit(version.items().key(scratch.hits.row(rank)), scratch.hits.score(rank)));
    }
    return Collections.unmodifiableList(hits);
  }
}
