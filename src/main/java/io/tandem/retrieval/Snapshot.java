package io.tandem.retrieval;

import io.tandem.artifact.OpenVersion;
import io.tandem.index.VectorIndex;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One open version, the changes that it does not contain, and the retrievals that use it. It is
 * closed when it was given up and the last retrieval has ended, so that no search ever meets freed
 * memory. No lock anywhere.
 */
final class Snapshot {
  /** Queries of a batch that are searched at once. */
  private static final int PART = 1024;

  /** Hits of a batch that are held at once, as rows and scores. */
  private static final int PART_HITS = 1 << 22;

  private final OpenVersion version;
  private final VectorIndex index;
  private final Settings settings;
  private final Embedder embedder;
  private final ItemEmbedder itemEmbedder;
  private final FilterCache filters;
  private final Search search;
  private final ConcurrentLinkedQueue<Scratch> pool = new ConcurrentLinkedQueue<>();

  /** Scratches that were ever made. */
  private final AtomicInteger scratches = new AtomicInteger();

  /** Replaced by every change; a retrieval reads it once. */
  private volatile Delta delta = Delta.NONE;

  /** Retrievals at work, and one more until {@link #giveUp}. */
  private final AtomicInteger users = new AtomicInteger(1);

  Snapshot(OpenVersion version, Settings settings) {
    this.version = version;
    this.settings = settings;
    index = version.index();
    embedder = new Embedder(version, settings.cachedQueries());
    itemEmbedder = new ItemEmbedder(version);
    filters = new FilterCache(version.filters());
    search = new Search(index);
  }

  OpenVersion version() {
    return version;
  }

  Delta delta() {
    return delta;
  }

  /** What {@link #use} would make visible. */
  Delta applied(Collection<Change> changes) {
    return Delta.of(version, changes, itemEmbedder, delta);
  }

  /** Makes changes visible to retrievals that begin from now on. */
  void use(Delta changed) {
    delta = changed;
  }

  int scratches() {
    return scratches.get();
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
      // Giving memory back takes the system tens of milliseconds, which no answer should wait for.
      Thread closing = new Thread(version::close, "tandem-close");
      closing.setDaemon(true);
      closing.start();
    }
  }

  /** Lets the version close once nobody uses it, now if nobody does; called once. */
  void giveUp() {
    if (users.decrementAndGet() == 0) {
      version.close();
    }
  }

  List<Hit> retrieve(Query query, Retrieve request, Deadline deadline, Stopwatch watch) {
    deadline.checkBefore("the query was embedded");
    Delta changes = delta;
    Scratch scratch = borrow();
    try {
      int known = embedder.known(query);
      embedder.embed(query, known, scratch);
      watch.encoded();
      exclude(query, known, request, changes, scratch);
      return search(request, changes, deadline, watch, scratch);
    } finally {
      pool.offer(scratch);
    }
  }

  List<Hit> retrieve(float[] vector, Retrieve request, Deadline deadline, Stopwatch watch) {
    if (vector.length != index.dimension()) {
      throw new IllegalArgumentException(
          "expected a vector of dimension %d, found %d"
              .formatted(index.dimension(), vector.length));
    }
    Delta changes = delta;
    Scratch scratch = borrow();
    try {
      System.arraycopy(vector, 0, scratch.vector, 0, vector.length);
      watch.encoded();
      excludeNamed(request, changes, scratch);
      return search(request, changes, deadline, watch, scratch);
    } finally {
      pool.offer(scratch);
    }
  }

  List<Hit> similar(String item, Retrieve request, Deadline deadline, Stopwatch watch) {
    Delta changes = delta;
    int added = changes.indexOf(item);
    int row = version.items().indexOf(item);
    if (added < 0 && (row < 0 || changes.isDead(row))) {
      throw new IllegalArgumentException(
          "expected the key of one of %d items, found '%s'".formatted(size(changes), item));
    }
    Scratch scratch = borrow();
    try {
      if (added >= 0) {
        System.arraycopy(changes.vector(added), 0, scratch.vector, 0, index.dimension());
      } else {
        index.vector(row, scratch.vector);
      }
      watch.encoded();
      excludeNamed(request, changes, scratch);
      scratch.exclude(row);
      scratch.excludeAdded(added);
      return search(request, changes, deadline, watch, scratch);
    } finally {
      pool.offer(scratch);
    }
  }

  /**
   * As one by one, but with one search for many of those that need no filter. The parts that a
   * batch is cut into bound its memory, and how long it takes to hear of an interruption.
   */
  List<List<Hit>> retrieve(List<Query> queries, Retrieve request, Deadline deadline) {
    Delta changes = delta;
    Scratch scratch = borrow();
    try {
      if (request.filter() != null || !changes.fewAreDead()) {
        return searchInTurn(queries, request, changes, deadline, scratch);
      }
      long most = Math.min(index.size(), (long) request.k() + Search.FILTERED_AFTERWARDS);
      int part = (int) Math.min(PART, Math.max(1, PART_HITS / most));
      List<List<Hit>> answers = new ArrayList<>(queries.size());
      for (int from = 0; from < queries.size(); from += part) {
        List<Query> some = queries.subList(from, Math.min(queries.size(), from + part));
        answers.addAll(searchAtOnce(some, request, changes, deadline, scratch));
      }
      return answers;
    } finally {
      pool.offer(scratch);
    }
  }

  private static void checkGoesOn(Deadline deadline, String next) {
    deadline.checkBefore(next);
    if (Thread.currentThread().isInterrupted()) {
      throw new CancellationException("interrupted before " + next);
    }
  }

  private List<List<Hit>> searchInTurn(
      List<Query> queries, Retrieve request, Delta changes, Deadline deadline, Scratch scratch) {
    List<List<Hit>> answers = new ArrayList<>(queries.size());
    for (Query query : queries) {
      checkGoesOn(deadline, "all queries were embedded");
      int known = embedder.known(query);
      embedder.embed(query, known, scratch);
      exclude(query, known, request, changes, scratch);
      answers.add(search(request, changes, deadline, Stopwatch.STOPPED, scratch));
    }
    return answers;
  }

  private List<List<Hit>> searchAtOnce(
      List<Query> queries, Retrieve request, Delta changes, Deadline deadline, Scratch scratch) {
    int n = queries.size();
    int dimension = index.dimension();
    float[] vectors = new float[n * dimension];
    int[][] excluded = new int[n][];
    BitSet[] excludedAdded = new BitSet[n];
    int most = 0;
    for (int i = 0; i < n; i++) {
      checkGoesOn(deadline, "all queries were embedded");
      Query query = queries.get(i);
      int known = embedder.known(query);
      embedder.embed(query, known, scratch);
      System.arraycopy(scratch.vector, 0, vectors, i * dimension, dimension);
      exclude(query, known, request, changes, scratch);
      excludeDead(changes, scratch);
      excluded[i] = Arrays.copyOf(scratch.excluded(), scratch.excludedCount());
      excludedAdded[i] = (BitSet) scratch.excludedAdded.clone();
      if (excluded[i].length <= Search.FILTERED_AFTERWARDS) {
        most = Math.max(most, excluded[i].length);
      }
    }
    deadline.checkBefore("the search");
    int fetch = (int) Math.min(index.size(), (long) request.k() + most);
    int[] rows = new int[n * fetch];
    float[] scores = new float[rows.length];
    index.search(vectors, n, fetch, rows, scores);
    List<List<Hit>> answers = new ArrayList<>(n);
    for (int i = 0; i < n; i++) {
      System.arraycopy(vectors, i * dimension, scratch.vector, 0, dimension);
      scratch.clearExcluded();
      scratch.excludedAdded.or(excludedAdded[i]);
      for (int row : excluded[i]) {
        scratch.exclude(row);
      }
      scratch.hits.reset(fetch);
      for (int at = i * fetch; at < (i + 1) * fetch && rows[at] >= 0; at++) {
        scratch.hits.add(rows[at], scores[at]);
      }
      search.keepAllowed(request.k(), null, scratch);
      search.merge(request.k(), changes, null, scratch);
      answers.add(hits(changes, scratch));
    }
    return answers;
  }

  /** Number of items that can be found. */
  int size(Delta changes) {
    return index.size() - changes.deadCount() + changes.size();
  }

  private Scratch borrow() {
    Scratch scratch = pool.poll();
    if (scratch == null) {
      scratches.incrementAndGet();
      return new Scratch(index.dimension(), version.querySide());
    }
    return scratch;
  }

  private void exclude(Query query, int known, Retrieve request, Delta changes, Scratch scratch) {
    excludeNamed(request, changes, scratch);
    if (request.seen() == Retrieve.Seen.EXCLUDED) {
      int count = known < 0 ? 0 : version.history().count(known);
      for (int place = 0; place < count; place++) {
        int row = version.history().row(known, place);
        scratch.exclude(row);
        scratch.excludeAdded(changes.replacing(row));
      }
      query
          .values()
          .forEach(
              (name, value) -> {
                if (embedder.isSequence(name) && value instanceof List<?> list) {
                  for (String item : Raw.strings(list)) {
                    exclude(item, changes, scratch);
                  }
                }
              });
    }
  }

  private void excludeNamed(Retrieve request, Delta changes, Scratch scratch) {
    scratch.clearExcluded();
    for (String item : request.excluded()) {
      exclude(item, changes, scratch);
    }
  }

  private void exclude(String item, Delta changes, Scratch scratch) {
    scratch.exclude(version.items().indexOf(item));
    scratch.excludeAdded(changes.indexOf(item));
  }

  /** Few dead rows are left out as exclusions; of many, the allowed rows know. */
  private static void excludeDead(Delta changes, Scratch scratch) {
    if (changes.fewAreDead()) {
      for (int i = 0; i < changes.deadCount(); i++) {
        scratch.exclude(changes.dead(i));
      }
    }
    scratch.sortExcluded();
  }

  private List<Hit> search(
      Retrieve request, Delta changes, Deadline deadline, Stopwatch watch, Scratch scratch) {
    Delta.Allowed allowed = changes.allowed(request.filter(), filters, index.size());
    excludeDead(changes, scratch);
    watch.filtered();
    deadline.checkBefore("the search");
    search.search(request.k(), allowed.rows(), scratch);
    ShadowSearch shadow = settings.shadow();
    if (shadow != null) {
      shadow.offer(this, request.k(), allowed.rows(), scratch);
    }
    search.merge(request.k(), changes, allowed.items(), scratch);
    watch.searched(scratch.scanned);
    return hits(changes, scratch);
  }

  private List<Hit> hits(Delta changes, Scratch scratch) {
    List<Hit> hits = new ArrayList<>(scratch.hits.size());
    for (int rank = 0; rank < scratch.hits.size(); rank++) {
      int row = scratch.hits.row(rank);
      String key = row < index.size() ? version.items().key(row) : changes.key(row - index.size());
      hits.add(new Hit(key, scratch.hits.score(rank)));
    }
    return Collections.unmodifiableList(hits);
  }

  /** Columns that an added item may have values in; null for any. */
  @Nullable Collection<String> itemColumns() {
    return version.texts().columns().isEmpty() ? null : version.texts().columns();
  }
}
