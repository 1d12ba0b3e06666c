package io.tandem.retrieval;

import io.tandem.artifact.OpenVersion;
import io.tandem.index.RowSet;
import io.tandem.index.VectorIndex;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One open version and the retrievals that use it. It is closed when it was given up and the last
 * retrieval has ended, so that no search ever meets freed memory. No lock anywhere.
 */
final class Snapshot {
  private final OpenVersion version;
  private final VectorIndex index;
  private final Embedder embedder;
  private final FilterCache filters;
  private final Search search;
  private final ConcurrentLinkedQueue<Scratch> pool = new ConcurrentLinkedQueue<>();

  /** Retrievals at work, and one more until {@link #giveUp}. */
  private final AtomicInteger users = new AtomicInteger(1);

  Snapshot(OpenVersion version, Settings settings) {
    this.version = version;
    index = version.index();
    embedder = new Embedder(version, settings.cachedQueries());
    filters = new FilterCache(version.filters());
    search = new Search(index);
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

  List<Hit> retrieve(Query query, Retrieve request, Deadline deadline) {
    deadline.checkBefore("the query was embedded");
    Scratch scratch = borrow();
    try {
      int known = embedder.known(query);
      embedder.embed(query, known, scratch);
      RowSet allowed = filters.rows(request.filter());
      exclude(query, known, request, scratch);
      return search(request.k(), allowed, deadline, scratch);
    } finally {
      pool.offer(scratch);
    }
  }

  List<Hit> retrieve(float[] vector, Retrieve request, Deadline deadline) {
    if (vector.length != index.dimension()) {
      throw new IllegalArgumentException(
          "expected a vector of dimension %d, found %d"
              .formatted(index.dimension(), vector.length));
    }
    Scratch scratch = borrow();
    try {
      System.arraycopy(vector, 0, scratch.vector, 0, vector.length);
      RowSet allowed = filters.rows(request.filter());
      excludeNamed(request, scratch);
      return search(request.k(), allowed, deadline, scratch);
    } finally {
      pool.offer(scratch);
    }
  }

  List<Hit> similar(String item, Retrieve request, Deadline deadline) {
    int row = version.items().indexOf(item);
    if (row < 0) {
      throw new IllegalArgumentException(
          "expected the key of one of %d items, found '%s'".formatted(index.size(), item));
    }
    Scratch scratch = borrow();
    try {
      index.vector(row, scratch.vector);
      RowSet allowed = filters.rows(request.filter());
      excludeNamed(request, scratch);
      scratch.exclude(row);
      return search(request.k(), allowed, deadline, scratch);
    } finally {
      pool.offer(scratch);
    }
  }

  /** As one by one, but with one search for all of those that need no filter. */
  List<List<Hit>> retrieve(List<Query> queries, Retrieve request, Deadline deadline) {
    if (request.filter() != null) {
      List<List<Hit>> answers = new ArrayList<>(queries.size());
      for (Query query : queries) {
        answers.add(retrieve(query, request, deadline));
      }
      return answers;
    }
    int n = queries.size();
    int dimension = index.dimension();
    float[] vectors = new float[n * dimension];
    int[][] excluded = new int[n][];
    int most = 0;
    Scratch scratch = borrow();
    try {
      for (int i = 0; i < n; i++) {
        deadline.checkBefore("all queries were embedded");
        Query query = queries.get(i);
        int known = embedder.known(query);
        embedder.embed(query, known, scratch);
        System.arraycopy(scratch.vector, 0, vectors, i * dimension, dimension);
        exclude(query, known, request, scratch);
        scratch.sortExcluded();
        excluded[i] = Arrays.copyOf(scratch.excluded(), scratch.excludedCount());
        if (excluded[i].length <= Search.FILTERED_AFTERWARDS) {
          most = Math.max(most, excluded[i].length);
        }
      }
      deadline.checkBefore("the search");
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
        search.keepAllowed(request.k(), null, scratch);
        answers.add(hits(scratch));
      }
      return answers;
    } finally {
      pool.offer(scratch);
    }
  }

  private Scratch borrow() {
    Scratch scratch = pool.poll();
    return scratch == null ? new Scratch(index.dimension(), version.querySide()) : scratch;
  }

  private void exclude(Query query, int known, Retrieve request, Scratch scratch) {
    excludeNamed(request, scratch);
    if (request.seen() == Retrieve.Seen.EXCLUDED) {
      int count = known < 0 ? 0 : version.history().count(known);
      for (int place = 0; place < count; place++) {
        scratch.exclude(version.history().row(known, place));
      }
      excludeGiven(query, scratch);
    }
  }

  private void excludeNamed(Retrieve request, Scratch scratch) {
    scratch.clearExcluded();
    for (String item : request.excluded()) {
      scratch.exclude(version.items().indexOf(item));
    }
  }

  private void excludeGiven(Query query, Scratch scratch) {
    query
        .values()
        .forEach(
            (name, value) -> {
              if (embedder.isSequence(name) && value instanceof List<?> list) {
                for (String item : Raw.strings(list)) {
                  scratch.exclude(version.items().indexOf(item));
                }
              }
            });
  }

  private List<Hit> search(int k, @Nullable RowSet allowed, Deadline deadline, Scratch scratch) {
    scratch.sortExcluded();
    deadline.checkBefore("the search");
    search.search(k, allowed, scratch);
    return hits(scratch);
  }

  private List<Hit> hits(Scratch scratch) {
    List<Hit> hits = new ArrayList<>(scratch.hits.size());
    for (int rank = 0; rank < scratch.hits.size(); rank++) {
      hits.add(new Hit(version.items().key(scratch.hits.row(rank)), scratch.hits.score(rank)));
    }
    return Collections.unmodifiableList(hits);
  }
}
