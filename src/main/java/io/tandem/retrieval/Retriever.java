package io.tandem.retrieval;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.ItemTexts;
import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
import io.tandem.index.faiss.Aside;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the items nearest to a query, in the current version of a store.
 *
 * <pre>{@code
 * try (Retriever retriever = Retriever.open(Path.of("store"))) {
 *   List<Hit> hits =
 *       retriever.retrieve(
 *           Query.builder().put("userId", "42").putSequence("history", List.of("1", "50")).build(),
 *           Retrieve.top(20).exclude(seen).where("genres", "Drama"));
 * }
 * }</pre>
 *
 * <p>Open one and share it: all methods are safe for any number of threads, and retrieving takes no
 * lock. A retrieval sees one version, and one state of its changes, from its beginning to its end,
 * also while {@link #refresh} or following swaps in another. Close it when no more is to be asked;
 * retrievals under way end well.
 *
 * <p>A query that brings nothing the model knows is answered all the same, as a cold one.
 */
public final class Retriever implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Retriever.class);

  private final Store store;
  private final Settings settings;
  private final Gate gate;
  private final ChangeLog log;
  private final Items items = new Items(this);

  /** Null once closed. */
  private final AtomicReference<@Nullable Snapshot> current = new AtomicReference<>();

  /** Held while a version is opened; taken before {@link #changing}. */
  private final Object refreshing = new Object();

  /** Held while items change and while versions are swapped: guards {@link #log}. */
  private final Object changing = new Object();

  private @Nullable Follower follower;

  /** The version, or what stands for it, whose failure was told last. */
  private String toldFailure = "";

  private Retriever(Store store, Builder options) {
    this.store = store;
    RetrieverListener listener = options.listener;
    settings =
        new Settings(
            options.cachedQueries,
            listener,
            options.shadowed > 0 && listener != null
                ? new ShadowSearch(options.shadowed, listener)
                : null);
    gate = new Gate(options.concurrent);
    log = new ChangeLog(store);
  }

  /**
   * Opens the current version of a store, every file of it verified.
   *
   * @throws ArtifactException if there is no store, no published version, or its files are damaged
   *     or do not belong together
   */
  public static Retriever open(Path store) {
    return builder(store).open();
  }

  /** A retriever with more than the defaults: see the builder's methods. */
  public static Builder builder(Path store) {
    return new Builder(store);
  }

  /** How a retriever is to work. Not thread-safe. */
  public static final class Builder {
    private final Path store;
    private @Nullable Duration follow;
    private int concurrent;
    private int cachedQueries;
    private double shadowed;
    private @Nullable RetrieverListener listener;

    private Builder(Path store) {
      this.store = store;
    }

    /**
     * Looks every so often whether another version was published, or another process changed items,
     * and swaps as {@link Retriever#refresh} does. What cannot be opened is logged and told to the
     * listener once, and tried again; the version before stays in use. By default, nobody looks.
     */
    public Builder follow(Duration every) {
      if (every.isNegative() || every.isZero()) {
        throw new IllegalArgumentException("expected a time of more than none, found " + every);
      }
      follow = every;
      return this;
    }

    /**
     * Lets at most this many retrievals work at once; others wait for their turn, at most until
     * their deadline. So the memory that retrievals need is bounded in any burst. By default there
     * is no bound, and no lock.
     */
    public Builder maxConcurrent(int retrievals) {
      concurrent = atLeastOne("maxConcurrent", retrievals);
      return this;
    }

    /**
     * Keeps the embeddings of this many queries, those asked last, so that an equal query costs no
     * forward pass. By default none. Each version has its own.
     */
    public Builder cacheQueries(int queries) {
      cachedQueries = atLeastOne("cacheQueries", queries);
      return this;
    }

    /** Is told what happens; without one, nothing is measured. */
    public Builder listener(RetrieverListener told) {
      listener = told;
      return this;
    }

    /**
     * Searches this share of queries again, exactly, on a thread of its own, and tells the listener
     * what recall the index had. By default none.
     *
     * @param fraction in (0, 1]
     */
    public Builder shadow(double fraction) {
      if (!(fraction > 0 && fraction <= 1)) {
        throw new IllegalArgumentException(
            "expected a fraction above 0 and at most 1, found " + fraction);
      }
      shadowed = fraction;
      return this;
    }

    /**
     * Opens the current version.
     *
     * @throws ArtifactException as {@link Retriever#open}
     */
    public Retriever open() {
      if (shadowed > 0 && listener == null) {
        throw new IllegalStateException("expected a listener for shadow searches, found none");
      }
      Retriever retriever = new Retriever(Store.open(store), this);
      try {
        retriever.start(follow);
        return retriever;
      } catch (RuntimeException e) {
        retriever.close();
        throw e;
      }
    }

    private static int atLeastOne(String what, int value) {
      if (value < 1) {
        throw new IllegalArgumentException(
            "expected %s of at least 1, found %d".formatted(what, value));
      }
      return value;
    }
  }

  private void start(@Nullable Duration follow) {
    swapTo(store.openCurrent());
    if (follow != null) {
      follower = new Follower(follow, this::look);
    }
  }

  /**
   * The nearest items, best first, equal scores in the order of the catalogue, items added since
   * then after it.
   *
   * @return k hits wherever k items remain after filters and exclusions, else all that remain
   * @throws io.tandem.filter.FilterException if the request filters by a column that is not there
   *     or compares one with what it does not hold
   * @throws DeadlineException if the request's time is over before the search begins
   * @throws IllegalStateException if the retriever is closed
   */
  public List<Hit> retrieve(Query query, Retrieve request) {
    Deadline deadline = Deadline.in(request.within());
    return retrieve(
        deadline, (snapshot, watch) -> snapshot.retrieve(query, request, deadline, watch));
  }

  /**
   * Answers several queries, in their order, all from one version. Which of several items of equal
   * score are kept at the cut after the k-th is left open here.
   *
   * @throws DeadlineException if the request's time, which is for all of them, is over before the
   *     last search begins
   * @throws java.util.concurrent.CancellationException if the thread is interrupted
   */
  public List<List<Hit>> retrieve(List<Query> queries, Retrieve request) {
    Deadline deadline = Deadline.in(request.within());
    RetrieverListener listener = settings.listener();
    if (listener == null) {
      return inTurn(
          deadline,
          Stopwatch.STOPPED,
          (snapshot, watch) -> snapshot.retrieve(queries, request, deadline));
    }
    Stopwatch.Running running = new Stopwatch.Running();
    try {
      List<List<Hit>> answers =
          inTurn(
              deadline,
              running,
              (snapshot, watch) -> snapshot.retrieve(queries, request, deadline));
      running.tell(queries.size(), listener);
      return answers;
    } catch (RuntimeException e) {
      listener.failed(e);
      throw e;
    }
  }

  /**
   * The items nearest to an embedding, such as one worked out elsewhere by the same query tower.
   *
   * @param vector [dimension of the version's embeddings], finite
   * @throws IllegalArgumentException for a vector of another length or with a NaN, or for a request
   *     that excludes what was seen: a vector has no history
   */
  public List<Hit> retrieve(float[] vector, Retrieve request) {
    requireNoHistory(request, "a vector");
    Deadline deadline = Deadline.in(request.within());
    return retrieve(
        deadline, (snapshot, watch) -> snapshot.retrieve(vector, request, deadline, watch));
  }

  /**
   * The items whose embeddings are nearest to an item's own, best first, without itself.
   *
   * @param k at least 1
   * @throws IllegalArgumentException if there is no such item, or k is below 1
   */
  public List<Hit> similar(String item, int k) {
    return similar(item, Retrieve.top(k));
  }

  /**
   * The items nearest to an item among those that a request allows, without itself.
   *
   * @throws IllegalArgumentException if there is no such item, or for a request that excludes what
   *     was seen: an item has no history
   */
  public List<Hit> similar(String item, Retrieve request) {
    requireNoHistory(request, "an item");
    Deadline deadline = Deadline.in(request.within());
    return retrieve(
        deadline, (snapshot, watch) -> snapshot.similar(item, request, deadline, watch));
  }

  /** Adds, replaces and removes items between rebuilds. */
  public Items items() {
    return items;
  }

  /** Attributes of an item by column, as text; empty where there is no such item. */
  public Map<String, String> attributes(String item) {
    return with(snapshot -> attributes(snapshot, item));
  }

  /** Number of items that can be found. */
  public int size() {
    return with(snapshot -> snapshot.size(snapshot.delta()));
  }

  /** Id of the version in use. */
  public String version() {
    return with(snapshot -> snapshot.version().version().id());
  }

  /**
   * Swaps to the store's current version if it is another one, and takes over changes of items that
   * another process made; retrievals go on meanwhile. The old version's memory is freed when its
   * last retrieval ends.
   *
   * @return whether there was another version
   * @throws ArtifactException if the new version cannot be opened; the old one stays in use
   */
  public boolean refresh() {
    synchronized (refreshing) {
      Snapshot old = current.get();
      if (old == null) {
        throw closed();
      }
      String inUse = old.version().version().id();
      if (store.currentId().filter(inUse::equals).isPresent()) {
        synchronized (changing) {
          if (log.reload()) {
            use(old, old.applied(log.changes()));
          }
        }
        return false;
      }
      // While the old version serves, its queries keep the cores.
      Aside.call(
          () -> {
            swapTo(store.current().openOnThisThread());
            return true;
          });
      return true;
    }
  }

  /** Ends service; a second call does nothing. */
  @Override
  public void close() {
    Follower following = follower;
    if (following != null) {
      following.close();
    }
    ShadowSearch shadow = settings.shadow();
    if (shadow != null) {
      shadow.close();
    }
    synchronized (refreshing) {
      synchronized (changing) {
        Snapshot last = current.getAndSet(null);
        if (last != null) {
          last.giveUp();
        }
        log.close();
      }
    }
  }

  /** Makes changes durable and then visible. */
  void change(Map<String, Item> put, Collection<String> removed) {
    synchronized (changing) {
      Snapshot snapshot = current.get();
      if (snapshot == null) {
        throw closed();
      }
      log.own();
      List<Change> changes = new ArrayList<>();
      long now = System.currentTimeMillis();
      put.forEach((key, item) -> changes.add(new Change(key, now, checked(item, snapshot))));
      removed.forEach(key -> changes.add(new Change(key, now, null)));
      Map<String, Change> all = new LinkedHashMap<>();
      log.changes().forEach(change -> all.put(change.key(), change));
      changes.forEach(
          change -> {
            all.remove(change.key());
            all.put(change.key(), change);
          });
      Delta changed = snapshot.applied(all.values());
      if (changed.size() + changed.deadCount() > Items.LIMIT) {
        throw new IllegalStateException(
            "expected at most %,d changed items before the next rebuild, found %,d"
                .formatted(Items.LIMIT, changed.size() + changed.deadCount()));
      }
      log.append(changes);
      use(snapshot, changed);
    }
  }

  private static Item checked(Item item, Snapshot snapshot) {
    Collection<String> known = snapshot.itemColumns();
    for (String column : item.values().keySet()) {
      if (known != null && !known.contains(column)) {
        throw new IllegalArgumentException(
            "expected an item's values in columns %s, found '%s'".formatted(known, column));
      }
    }
    return item;
  }

  /** The current version, whatever becomes of it, is closed or belongs to this retriever then. */
  private void swapTo(OpenVersion version) {
    Snapshot next = new Snapshot(version, settings);
    synchronized (changing) {
      try {
        log.reload();
        use(next, next.applied(log.changes()));
      } catch (RuntimeException e) {
        next.giveUp();
        throw e;
      }
      Snapshot old = current.getAndSet(next);
      if (old != null) {
        old.giveUp();
      }
    }
    RetrieverListener listener = settings.listener();
    if (listener != null) {
      listener.opened(
          version.version().id(), Instant.parse(version.version().manifest().created()));
    }
  }

  private void use(Snapshot snapshot, Delta changed) {
    snapshot.use(changed);
    RetrieverListener listener = settings.listener();
    if (listener != null) {
      listener.changed(changed.size(), changed.deadCount());
    }
  }

  /** One look of the follower. */
  private void look() {
    try {
      if (refresh()) {
        LOG.info("{}: version {} is in use", store.folder(), version());
      }
      toldFailure = "";
    } catch (RuntimeException e) {
      tellOnce(e);
    }
  }

  private void tellOnce(RuntimeException failure) {
    String version = "unknown";
    try {
      version = store.currentId().orElse("none");
    } catch (ArtifactException unreadable) {
      failure.addSuppressed(unreadable);
    }
    if (version.equals(toldFailure)) {
      return;
    }
    toldFailure = version;
    LOG.warn(
        "{}: version {} cannot be used, the one before stays: {}",
        store.folder(),
        version,
        failure.getMessage());
    RetrieverListener listener = settings.listener();
    if (listener != null) {
      listener.refreshFailed(version, failure);
    }
  }

  private List<Hit> retrieve(Deadline deadline, BiFunction<Snapshot, Stopwatch, List<Hit>> use) {
    RetrieverListener listener = settings.listener();
    if (listener == null) {
      return inTurn(deadline, Stopwatch.STOPPED, use);
    }
    Stopwatch.Running watch = new Stopwatch.Running();
    try {
      List<Hit> hits = inTurn(deadline, watch, use);
      watch.tell(listener);
      return hits;
    } catch (RuntimeException e) {
      listener.failed(e);
      throw e;
    }
  }

  private <T> T inTurn(Deadline deadline, Stopwatch watch, BiFunction<Snapshot, Stopwatch, T> use) {
    gate.enter(deadline);
    try {
      watch.entered();
      return with(watch, use);
    } finally {
      gate.leave();
    }
  }

  private <T> T with(Function<Snapshot, T> use) {
    return with(Stopwatch.STOPPED, (snapshot, watch) -> use.apply(snapshot));
  }

  private <T> T with(Stopwatch watch, BiFunction<Snapshot, Stopwatch, T> use) {
    while (true) {
      Snapshot snapshot = current.get();
      if (snapshot == null) {
        throw closed();
      }
      // Refused only where the snapshot was swapped out since it was read.
      if (snapshot.acquire()) {
        try {
          return use.apply(snapshot, watch);
        } finally {
          snapshot.release();
        }
      }
    }
  }

  /** Scratches that the version in use has made: as many as retrievals were at work at once. */
  int scratches() {
    return with(Snapshot::scratches);
  }

  private static void requireNoHistory(Retrieve request, String what) {
    if (request.seen() == Retrieve.Seen.EXCLUDED) {
      throw new IllegalArgumentException(
          "expected a query to exclude what it has seen, found " + what);
    }
  }

  private static Map<String, String> attributes(Snapshot snapshot, String item) {
    Delta changes = snapshot.delta();
    int added = changes.indexOf(item);
    int row = snapshot.version().items().indexOf(item);
    if (added < 0 && (row < 0 || changes.isDead(row))) {
      return Map.of();
    }
    ItemTexts texts = snapshot.version().texts();
    Map<String, String> attributes = new LinkedHashMap<>();
    for (int i = 0; i < texts.columns().size(); i++) {
      String column = texts.columns().get(i);
      attributes.put(column, added >= 0 ? changes.values(added).shown(column) : texts.text(row, i));
    }
    return Collections.unmodifiableMap(attributes);
  }

  private static IllegalStateException closed() {
    return new IllegalStateException("the retriever is closed");
  }
}
