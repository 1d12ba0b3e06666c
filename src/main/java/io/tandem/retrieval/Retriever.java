package io.tandem.retrieval;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.ItemTexts;
import io.tandem.artifact.OpenVersion;
import io.tandem.artifact.Store;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Finds the items nearest to a query, in the current version of a store.
 *
 * <pre>{@code
 * try (Retriever retriever = Retriever.open(Path.of("store"))) {
 *   List<Hit> hits =
 *       retriever.retrieve(
 *           Query.builder().put("userId", "42").putSequence("history", List.of("1", "50")).build(),
 *           Retrieve.top(20).exclude(seen));
 * }
 * }</pre>
 *
 * <p>Open one and share it: all methods are safe for any number of threads, and retrieving takes no
 * lock. A retrieval sees one version from its beginning to its end, also while {@link #refresh}
 * swaps in another. Close it when no more is to be asked; retrievals under way end well.
 *
 * <p>A query that brings nothing the model knows is answered all the same, as a cold one.
 */
public final class Retriever implements AutoCloseable {
  private static final Settings DEFAULT = new Settings(0);

  private final Store store;

  /** Null once closed. */
  private final AtomicReference<@Nullable Snapshot> current = new AtomicReference<>();

  private final Object refreshing = new Object();

  private Retriever(Store store, Snapshot first) {
    this.store = store;
    current.set(first);
  }

  /**
   * Opens the current version of a store, every file of it verified.
   *
   * @throws ArtifactException if there is no store, no published version, or its files are damaged
   *     or do not belong together
   */
  public static Retriever open(Path store) {
    Store opened = Store.open(store);
    return new Retriever(opened, new Snapshot(opened.current().open(), DEFAULT));
  }

  /**
   * The nearest items, best first, equal scores in the order of the catalogue.
   *
   * @return k hits wherever k items remain after filters and exclusions, else all that remain
   * @throws io.tandem.filter.FilterException if the request filters by a column that is not there
   *     or compares one with what it does not hold
   * @throws DeadlineException if the request's time is over before the search begins
   * @throws IllegalStateException if the retriever is closed
   */
  public List<Hit> retrieve(Query query, Retrieve request) {
    Deadline deadline = Deadline.in(request.within());
    return with(snapshot -> snapshot.retrieve(query, request, deadline));
  }

  /** Answers several queries, in their order, all from one version. */
  public List<List<Hit>> retrieve(List<Query> queries, Retrieve request) {
    Deadline deadline = Deadline.in(request.within());
    return with(snapshot -> snapshot.retrieve(queries, request, deadline));
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
    return with(snapshot -> snapshot.retrieve(vector, request, deadline));
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
    return with(snapshot -> snapshot.similar(item, request, deadline));
  }

  /** Attributes of an item by column, as text; empty where there is no such item. */
  public Map<String, String> attributes(String item) {
    return with(snapshot -> attributes(snapshot.version(), item));
  }

  /** Number of items in the version in use. */
  public int items() {
    return with(snapshot -> snapshot.version().items().size());
  }

  /** Id of the version in use. */
  public String version() {
    return with(snapshot -> snapshot.version().version().id());
  }

  /**
   * Swaps to the store's current version if it is another one; retrievals go on meanwhile. The old
   * version's memory is freed when its last retrieval ends.
   *
   * @return whether there was another
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
        return false;
      }
      current.set(new Snapshot(store.current().open(), DEFAULT));
      old.giveUp();
      return true;
    }
  }

  /** Ends service; a second call does nothing. */
  @Override
  public void close() {
    synchronized (refreshing) {
      Snapshot last = current.getAndSet(null);
      if (last != null) {
        last.giveUp();
      }
    }
  }

  private <T> T with(Function<Snapshot, T> use) {
    while (true) {
      Snapshot snapshot = current.get();
      if (snapshot == null) {
        throw closed();
      }
      // Refused only where the snapshot was swapped out since it was read.
      if (snapshot.acquire()) {
        try {
          return use.apply(snapshot);
        } finally {
          snapshot.release();
        }
      }
    }
  }

  private static void requireNoHistory(Retrieve request, String what) {
    if (request.seen() == Retrieve.Seen.EXCLUDED) {
      throw new IllegalArgumentException(
          "expected a query to exclude what it has seen, found " + what);
    }
  }

  private static Map<String, String> attributes(OpenVersion version, String item) {
    int row = version.items().indexOf(item);
    if (row < 0) {
      return Map.of();
    }
    ItemTexts texts = version.texts();
    Map<String, String> attributes = new LinkedHashMap<>();
    for (int column = 0; column < texts.columns().size(); column++) {
      attributes.put(texts.columns().get(column), texts.text(row, column));
    }
    return Collections.unmodifiableMap(attributes);
  }

  private static IllegalStateException closed() {
    return new IllegalStateException("the retriever is closed");
  }
}
